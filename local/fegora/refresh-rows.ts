// The table of refresh tokens, with the race that bricks an account. Used by grants.ts and server.ts.
import { isSameUser } from './passwords.ts';

/** A row of the table. */
interface Row {
  readonly token: string;
  readonly username: string;
  readonly clientId: string;
  /** The number of this write to the table. */
  readonly added: number;
}

/**
 * The server's table of refresh tokens. A login replaces the one row of the user that it saw when it arrived. If
 * another login added a row in the meantime, both rows stay. From then on every login of that user finds two rows and
 * fails: the account is bricked.
 */
export interface RefreshRows {
  /** The state of the table that a request which arrives now will see. */
  readonly snapshot: () => number;
  /** Adds a row in place of the old one. False if the server found two rows and failed. */
  readonly replace: (row: Omit<Row, 'added'>, snapshot: number) => boolean;
  /** Removes the row of a token, which works once. Returns the row; undefined if there is none, or if the key has changed. */
  readonly take: (token: string) => Row | undefined;
  /** The user to whom a token was issued, whether it still works or not. */
  readonly userOf: (token: string) => string | undefined;
  /** Makes all tokens unreadable. Their rows stay. */
  readonly changeKey: () => void;
  /** Adds two rows, so that every login of the user fails. */
  readonly brick: (username: string, clientId: string) => void;
  /** Deletes all rows of the user except one, as Fegora's support would. */
  readonly unbrick: (username: string) => void;
  readonly isBricked: (username: string) => boolean;
}

/** Starts with an empty table. */
export function createRefreshRows(): RefreshRows {
  let rows: Row[] = [];
  let writes = 0;
  /** Rows up to this one were written with another key. */
  let unreadable = 0;
  const users = new Map<string, string>();
  const of = (username: string): Row[] => rows.filter((row) => isSameUser(row.username, username));
  const drop = (gone: readonly Row[]): void => {
    rows = rows.filter((row) => !gone.includes(row));
  };
  const add = (row: Omit<Row, 'added'>): void => {
    writes += 1;
    rows.push({ ...row, added: writes });
    users.set(row.token, row.username);
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
      return row !== undefined && row.added > unreadable ? row : undefined;
    },
    userOf: (token) => users.get(token),
    changeKey: () => {
      unreadable = writes;
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
