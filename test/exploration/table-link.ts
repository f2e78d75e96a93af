// The token table behind the simulated network. Checks every write. Used by run.ts, test/soak and test/processes.
import type { CallDynamo } from '../../lambda/aws/call-dynamo.ts';
import { loginGapMs } from '../../lambda/broker/token.ts';
import { createMemoryDynamo, type MemoryDynamo } from '../support/memory-dynamo.ts';
import { sendRequest } from './network-request.ts';
import type { Oracle } from './oracle.ts';
import type { Host, Simulation } from './simulation.ts';

/** Changes a request to the table, as if the broker's code had made another request. */
export type Tamper = (input: Readonly<Record<string, unknown>>, what: Operation) => Readonly<Record<string, unknown>>;

/** `reject` stores a rejection; `amend` is an operator's change. */
export type Operation = 'read' | 'claim' | 'publish' | 'reject' | 'fail' | 'amend';

/** The table at the other end of the simulated network. */
export interface TableLink {
  /** Returns the table's port for one process. */
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

/** A write that the table made. */
interface Write {
  readonly account: string;
  readonly oracle: Oracle;
  readonly host: Host;
  readonly what: Operation;
  readonly before: Row;
  readonly after: Row;
}

const callMs = 3000;
const toleranceMs = 2000;

export interface TableOptions {
  readonly tamper?: Tamper;
  /** Whether the table's answers carry its time. If not, they carry the time of the process that asks. */
  readonly tellsTime: boolean;
  /** Whether a refresh token may be stored. @default false */
  readonly mayHoldRefreshToken?: boolean;
  /** The error of a request that arrives now, if any. */
  readonly trouble?: () => Error | undefined;
}

/** Creates the table. `oracles` are by account. */
export function createTableLink(
  simulation: Simulation,
  oracles: ReadonlyMap<string, Oracle>,
  options: TableOptions,
): TableLink {
  const { tamper = (input) => input, tellsTime, mayHoldRefreshToken = false, trouble = () => undefined } = options;
  const dynamo = createMemoryDynamo(simulation.now);
  /** When the lease of the last claim ends, by account. True time, epoch milliseconds. */
  const leaseEnds = new Map<string, number>();

  return {
    rows: dynamo.rows,
    callOf: (host) => async (operation, input, signal) => {
      const what = operationOf(operation, input);
      const account = accountOf(input);
      const offsetMs = host.offset();
      const request = { host, what: `table: ${what} ${account}`, serve, signal, timeoutMs: callMs };
      const received = await sendRequest(simulation, request);
      return tellsTime ? received : { ...received, at: host.clock.now() };

      async function serve() {
        throwIfAny(trouble());
        const before = stored(account);
        const answer = await dynamo.call(operation, tamper(input, what), signal);
        const oracle = oracles.get(account);
        if (what !== 'read' && oracle !== undefined) {
          checkWrite({ account, oracle, host, what, before, after: stored(account) });
        }
        if (what === 'claim') {
          leaseEnds.set(account, number(stored(account).lease_until) - offsetMs);
        }
        return answer;
      }
    },
  };

  /** The table replaces rows and never changes one, so the returned row stays as it is. */
  function stored(account: string): Row {
    return dynamo.rows.get(account) ?? {};
  }

  function checkWrite(write: Write): void {
    const { oracle, host, what, before, after } = write;
    simulation.log(`  revision ${after.revision?.N}`);
    if (number(after.revision) !== number(before.revision) + 1) {
      oracle.addViolation(`${host.name}'s ${what} did not increase the revision by one`);
    }
    const older = numberOf(oracle, before);
    const newer = numberOf(oracle, after);
    if (newer < older) {
      oracle.addViolation(`${host.name}'s ${what} replaced token ${older} with the older token ${newer}`);
    }
    noteRejections(write);
    if (!mayHoldRefreshToken && /refresh/.test(JSON.stringify(after))) {
      oracle.addViolation(`${host.name}'s ${what} stored a refresh token in password mode`);
    }
    if (what === 'claim') {
      checkClaim(write);
    }
  }

  /** Allows twice the clock tolerance, because the clocks of the old and the new owner may differ by that much. */
  function checkClaim({ account, oracle, host, before, after }: Write): void {
    const now = simulation.now();
    const leaseEndsAt = leaseEnds.get(account) ?? 0;
    if (number(before.lease_until) !== 0 && now < leaseEndsAt - 2 * toleranceMs) {
      oracle.addViolation(`${host.name} took a lease ${leaseEndsAt - now} ms before its end`);
    }
    if (before.paused?.BOOL === true || number(before.retry_at) > now + 2 * toleranceMs) {
      oracle.addViolation(`${host.name} claimed although no login was allowed`);
    }
    // Only the entry of a forced login names a caller.
    const isForced = /\.[0-9a-f]{8}$/.test(after.logins?.S ?? '');
    const gapEndsAt = number(before.last_login) + loginGapMs(number(before.lifetime_ms));
    if (before.last_login !== undefined && !isForced && gapEndsAt > now + 2 * toleranceMs) {
      oracle.addViolation(`${host.name} claimed ${gapEndsAt - now} ms before another login was due`);
    }
    oracle.claimed(host, { rejected: before.marks?.SS ?? [], retried: retriedBy(before, after, now), isForced });
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

function noteRejections({ oracle, host, what, before, after }: Write): void {
  const isCleared = (name: string) => before[name] !== undefined && after[name] === undefined;
  if (what === 'amend' && (isCleared('marks') || isCleared('retry_at'))) {
    oracle.excuseVersion('an operator cleared the rejection');
  }
  for (const login of oracle.logins.filter((one) => one.host === host)) {
    login.isRejectionStored ||= what === 'reject';
  }
}

/** Returns the number of the stored token, in the order of issue. NaN if there is no token. */
function numberOf({ tokens }: Oracle, row: Row): number {
  return tokens.get(row.access_token?.S ?? '')?.number ?? Number.NaN;
}

/** Returns the keys of the rejected versions that the claim may retry, if a retry is due. */
function retriedBy(before: Row, after: Row, now: number): readonly string[] {
  const retryAt = number(before.next_try);
  const isDue = retryAt !== number(after.next_try) && retryAt <= now + toleranceMs;
  return isDue ? [before.proven?.S ?? '', before.retry_key?.S ?? ''] : [];
}

function number(attribute: Attribute | undefined): number {
  return Number(attribute?.N ?? 0);
}

/** Tells the operations apart by their update expressions. */
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
    return 'reject';
  }
  return /lease_until|last_error/.test(text) ||
    text === 'SET #schema = if_not_exists(#schema, :schema) ADD #revision :one'
    ? 'fail'
    : 'amend';
}
