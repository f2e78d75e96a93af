import type { CallDynamo } from '../../lambda/aws/token-table.ts';
import { loginGapMs } from '../../lambda/broker/token.ts';
import { createMemoryDynamo, type MemoryDynamo } from '../support/memory-dynamo.ts';
import { exchange } from './network-request.ts';
import type { Judge } from './oracle.ts';
import type { Host, Universe } from './simulation.ts';

/** A change to what is asked of the table, as if the code had asked for something else. */
export type Tamper = (input: Readonly<Record<string, unknown>>, what: Operation) => Readonly<Record<string, unknown>>;

export type Operation = 'read' | 'claim' | 'publish' | 'mark' | 'fail' | 'amend';

/** The table at the other end of a network, and a look at its history. */
export interface TableLink {
  readonly callOf: (host: Host) => CallDynamo;
  readonly rows: MemoryDynamo['rows'];
}

interface Attribute {
  readonly S?: string;
  readonly N?: string;
  readonly BOOL?: boolean;
  readonly SS?: readonly string[];
}

type Row = Readonly<Record<string, Attribute>>;

/** A write that was applied. */
interface Write {
  readonly account: string;
  readonly judge: Judge;
  readonly host: Host;
  readonly what: Operation;
  readonly before: Row;
  readonly after: Row;
}

const callMs = 3000;
const toleranceMs = 2000;

export interface TableOptions {
  readonly tamper?: Tamper;
  readonly tellsTime: boolean;
  /** What the table throws at a request that arrives now, if anything. */
  readonly trouble?: () => Error | undefined;
}

/** @param judges by account */
export function createTableLink(
  universe: Universe,
  judges: ReadonlyMap<string, Judge>,
  options: TableOptions,
): TableLink {
  const { tamper = (input) => input, tellsTime, trouble = () => undefined } = options;
  const dynamo = createMemoryDynamo(tellsTime ? universe.now : undefined);
  /** When, in true time, the lease of the claim that was applied last ends; by account. */
  const leaseEnds = new Map<string, number>();

  return {
    rows: dynamo.rows,
    callOf: (host) => async (operation, input, signal) => {
      const what = operationOf(operation, input);
      const account = accountOf(input);
      const offsetMs = host.offset();
      return exchange(universe, { host, what: `table: ${what} ${account}`, serve, signal, timeoutMs: callMs });

      async function serve() {
        throwIfAny(trouble());
        const before = stored(account);
        const answer = await dynamo.call(operation, tamper(input, what), signal);
        const judge = judges.get(account);
        if (what !== 'read' && judge !== undefined) {
          judgeWrite({ account, judge, host, what, before, after: stored(account) });
        }
        if (what === 'claim') {
          leaseEnds.set(account, number(stored(account).lease_until) - offsetMs);
        }
        return answer;
      }
    },
  };

  /** The table puts a new row in the place of the old one and changes none. */
  function stored(account: string): Row {
    return dynamo.rows.get(account) ?? {};
  }

  function judgeWrite(write: Write): void {
    const { judge, host, what, before, after } = write;
    universe.log(`  revision ${after.revision?.N}`);
    if (number(after.revision) !== number(before.revision) + 1) {
      judge.accuse(`${host.name}'s ${what} did not count the revision up by one`);
    }
    const older = numberOf(judge, before);
    const newer = numberOf(judge, after);
    if (newer < older) {
      judge.accuse(`${host.name}'s ${what} put token ${newer} in the place of token ${older}`);
    }
    noteMarks(write);
    if (what === 'claim') {
      judgeClaim(write);
    }
  }

  /** What a thief's and a holder's clock may be apart, and no more, may be missing of the wait after the lease. */
  function judgeClaim({ account, judge, host, before, after }: Write): void {
    const now = universe.now();
    const leaseEndsAt = leaseEnds.get(account) ?? 0;
    if (number(before.lease_until) !== 0 && now < leaseEndsAt - 2 * toleranceMs) {
      judge.accuse(`${host.name} stole a lease ${leaseEndsAt - now} ms before its end`);
    }
    if (before.paused?.BOOL === true || number(before.retry_at) > now + 2 * toleranceMs) {
      judge.accuse(`${host.name} claimed although nobody was to try`);
    }
    const isForced =
      before.forced_since?.N !== after.forced_since?.N || before.forced_count?.N !== after.forced_count?.N;
    const gapEndsAt = number(before.last_login) + loginGapMs(number(before.lifetime_ms));
    if (before.last_login !== undefined && !isForced && gapEndsAt > now + 2 * toleranceMs) {
      judge.accuse(`${host.name} claimed ${gapEndsAt - now} ms before another login was due`);
    }
    judge.claimed(host, { marks: before.marks?.SS ?? [], due: dueIn(before, after, now), isForced });
  }
}

function throwIfAny(fault: Error | undefined): void {
  if (fault !== undefined) {
    throw fault;
  }
}

function accountOf({ Key }: Readonly<Record<string, unknown>>): string {
  return String(Object(Key).account.S);
}

function noteMarks({ judge, host, what, before, after }: Write): void {
  const isCleared = (name: string) => before[name] !== undefined && after[name] === undefined;
  if (what === 'amend' && (isCleared('marks') || isCleared('retry_at'))) {
    judge.pardon('an operator cleared the rejection');
  }
  for (const login of judge.logins.filter((one) => one.host === host)) {
    login.marked ||= what === 'mark';
  }
}

/** Of the stored token, in the order of their issue; none is in nobody's place. */
function numberOf({ tokens }: Judge, row: Row): number {
  return tokens.get(row.access_token?.S ?? '')?.number ?? Number.NaN;
}

/** The refused version that the claim says, rightly, it tries again. */
function dueIn(before: Row, after: Row, now: number): string | undefined {
  const nextTry = number(before.next_try);
  const isDue = nextTry !== number(after.next_try) && nextTry <= now + toleranceMs;
  return isDue ? before.proven?.S : undefined;
}

function number(attribute: Attribute | undefined): number {
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
