/** A row of the server's refresh-token table. */
interface Row {
  readonly token: string;
  readonly username: string;
  readonly clientId: string;
  /** Place in the order of writes to the table. */
  readonly added: number;
}

/**
 * The table whose race bricks an account: a login replaces the one row it sees, but a row that another login added
 * meanwhile stays beside it, and from then on every login of that user finds two rows where one is expected and throws.
 */
export interface RefreshRows {
  /** What a request that arrives now will see of the table. */
  readonly snapshot: () => number;
  /** False: the server found two rows and threw. */
  readonly replace: (row: Omit<Row, 'added'>, snapshot: number) => boolean;
  /** A refresh token works once: its row is gone before a successor is written. */
  readonly take: (token: string) => Row | undefined;
  readonly brick: (username: string, clientId: string) => void;
  /** What Fegora's support would do: delete all rows but one. */
  readonly unbrick: (username: string) => void;
  readonly isBricked: (username: string) => boolean;
}

/** An empty table. */
export function createRefreshRows(): RefreshRows {
  let rows: Row[] = [];
  let writes = 0;
  const of = (username: string): Row[] => rows.filter((row) => row.username === username);
  const drop = (gone: readonly Row[]): void => {
    rows = rows.filter((row) => !gone.includes(row));
  };
  const add = (row: Omit<Row, 'added'>): void => {
    writes += 1;
    rows.push({ ...row, added: writes });
  };

  return {
    snapshot: () => writes,
    replace: (row, snapshot) => {
      const seen = of(row.username).filter((one) => one.added <= snapshot);
      if (seen.length > 1) {
        return false;
      }
      drop(seen);
      add(row);
      return true;
    },
    take: (token) => {
      const row = rows.find((one) => one.token === token);
      drop(row === undefined ? [] : [row]);
      return row;
    },
    brick: (username, clientId) => {
      for (const token of ['orphan-1', 'orphan-2']) {
        add({ token: `${token}-of-${username}`, username, clientId });
      }
    },
    unbrick: (username) => drop(of(username).slice(0, -1)),
    isBricked: (username) => of(username).length > 1,
  };
}
