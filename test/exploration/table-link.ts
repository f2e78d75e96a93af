import { loginGapMs } from '../../lambda/token.ts';
import type { CallDynamo } from '../../lambda/token-table.ts';
import { createMemoryDynamo, type MemoryDynamo } from '../fixtures/memory-dynamo.ts';
import { exchange } from './exchange.ts';
import type { Judge } from './judge.ts';
import type { Host, Universe } from './universe.ts';

/** A change to what is asked of the table, as if the code had asked for something else. */
export type Tamper = (input: Readonly<Record<string, unknown>>, what: Operation) => Readonly<Record<string, unknown>>;

export type Operation = 'read' | 'claim' | 'publish' | 'mark' | 'fail' | 'amend';

/** The table at the other end of a network, and a look at its history. */
export interface TableLink {
  readonly callOf: (host: Host) => CallDynamo;
  readonly rows: MemoryDynamo['rows'];
}

type Row = Readonly<Record<string, { readonly S?: string; readonly N?: string; readonly SS?: readonly string[] }>>;

const callMs = 3000;
const leaseToleranceMs = 2000;

export interface TableOptions {
  readonly tamper?: Tamper;
  readonly tellsTime: boolean;
}

export function createTableLink(universe: Universe, judge: Judge, options: TableOptions): TableLink {
  const { tamper = (input) => input, tellsTime } = options;
  const dynamo = createMemoryDynamo(tellsTime ? universe.now : undefined);
  /** When, in true time, the lease of the claim that was applied last ends. */
  let leaseEndsAt = 0;

  return {
    rows: dynamo.rows,
    callOf: (host) => async (operation, input, signal) => {
      const what = operationOf(operation, input);
      const offsetMs = host.offset();
      return exchange(universe, { host, what: `table: ${what}`, serve, signal, timeoutMs: callMs });

      async function serve() {
        const before = stored();
        const answer = await dynamo.call(operation, tamper(input, what), signal);
        const after = stored();
        if (what !== 'read') {
          judgeWrite(host, what, before, after);
        }
        if (what === 'claim') {
          judgeClaim(host, before, after);
          leaseEndsAt = Number(after.lease_until?.N) - offsetMs;
        }
        return answer;
      }
    },
  };

  /** The table puts a new row in the place of the old one and changes none. */
  function stored(): Row {
    return dynamo.rows.get('a') ?? {};
  }

  function judgeWrite(host: Host, what: Operation, before: Row, after: Row): void {
    universe.log(`  revision ${after.revision?.N}`);
    if (Number(after.revision?.N) !== Number(before.revision?.N ?? 0) + 1) {
      judge.accuse(`${host.name}'s ${what} did not count the revision up by one`);
    }
    const older = numberOf(before);
    const newer = numberOf(after);
    if (newer < older) {
      judge.accuse(`${host.name}'s ${what} put token ${newer} in the place of token ${older}`);
    }
    noteMarks(host, what, before, after);
  }

  function noteMarks(host: Host, what: Operation, before: Row, after: Row): void {
    if (what === 'amend' && before.marks !== undefined && after.marks === undefined) {
      judge.pardon('an operator cleared the rejection');
    }
    for (const login of judge.logins.filter((one) => one.host === host)) {
      login.marked ||= what === 'mark';
    }
  }

  /** Of the stored token, in the order of their issue; none is in nobody's place. */
  function numberOf(row: Row): number {
    return judge.tokens.get(row.access_token?.S ?? '')?.number ?? Number.NaN;
  }

  /** What a thief's and a holder's clock may be apart, and no more, may be missing of the wait after the lease. */
  function judgeClaim(host: Host, before: Row, after: Row): void {
    const isStanding = number(before.lease_until) !== 0;
    if (isStanding && universe.now() < leaseEndsAt - 2 * leaseToleranceMs) {
      judge.accuse(`${host.name} stole a lease ${leaseEndsAt - universe.now()} ms before its end`);
    }
    if (number(before.retry_at) > universe.now() + 2 * leaseToleranceMs) {
      judge.accuse(`${host.name} claimed although nobody was to try`);
    }
    const isForced = number(before.forced_count) !== number(after.forced_count);
    const gapEndsAt = number(before.last_login) + loginGapMs(number(before.lifetime_ms));
    if (before.last_login !== undefined && !isForced && gapEndsAt > universe.now() + 2 * leaseToleranceMs) {
      judge.accuse(`${host.name} claimed ${gapEndsAt - universe.now()} ms before another login was due`);
    }
    judge.claimed(host, { marks: before.marks?.SS ?? [], due: dueIn(before, after) });
  }

  /** The refused version that the claim says, rightly, it tries again. */
  function dueIn(before: Row, after: Row): string | undefined {
    const nextTry = number(before.next_try);
    const isDue = nextTry !== number(after.next_try) && nextTry <= universe.now() + leaseToleranceMs;
    return isDue ? before.proven?.S : undefined;
  }
}

function number(attribute: Row[string] | undefined): number {
  return Number(attribute?.N ?? 0);
}

export function operationOf(operation: string, { UpdateExpression }: Readonly<Record<string, unknown>>): Operation {
  const text = String(UpdateExpression);
  if (operation === 'GetItem') {
    return 'read';
  }
  if (text.includes('#owner = :owner')) {
    return 'claim';
  }
  if (text.includes('#access_token = :access_token')) {
    return 'publish';
  }
  if (text.includes('ADD #revision :one, #marks')) {
    return 'mark';
  }
  return /lease_until|last_error/.test(text) ||
    text === 'SET #schema = if_not_exists(#schema, :schema) ADD #revision :one'
    ? 'fail'
    : 'amend';
}
