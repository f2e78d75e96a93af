// Lives through days without calls, then makes calls, and says what was used and written. Called by costs.ts.

import { metricsOf } from './emf.ts';
import { createEnvironment, type Environment, type Usage } from './environment.ts';
import { billedBytes } from './log-bytes.ts';

/** What a month of 30 days without calls needs. */
export interface Month {
  readonly warmUps: number;
  readonly logins: number;
  readonly tableReads: number;
  readonly tableWrites: number;
  readonly secretReads: number;
  readonly logBytes: number;
  readonly logLines: number;
  readonly metrics: ReadonlySet<string>;
}

/** How many metrics are new with each step, and the lines of single calls. */
export interface Calls {
  readonly firstCaller: number;
  readonly nextCaller: number;
  /** A call for another account, by a caller that is known. */
  readonly nextAccount: number;
  readonly directLines: readonly string[];
  readonly apiLines: readonly string[];
}

const dayMinutes = 24 * 60;
export const daysOfMonth = 30;

/** An environment after a day of warm-ups, and what each further month needs. */
export async function liveMonth(
  accounts: readonly string[],
  { warmUpMinutes, lifetimeMs }: { readonly warmUpMinutes: number; readonly lifetimeMs: number },
): Promise<{ readonly environment: Environment; readonly month: Month }> {
  const environment = createEnvironment(accounts, lifetimeMs);
  const warmUps = dayMinutes / warmUpMinutes;
  const liveDay = async () => {
    for (let count = 0; count < warmUps; count += 1) {
      await environment.invoke('warmup', { accounts });
      environment.pass(warmUpMinutes * 60_000);
    }
    return environment.usage();
  };
  // The first day has the first login, which binds the user.
  const first = await liveDay();
  return { environment, month: monthOf(first, await liveDay(), warmUps) };
}

function monthOf(before: Usage, after: Usage, warmUps: number): Month {
  const lines = after.lines.slice(before.lines.length);
  const grown = (name: 'logins' | 'tableReads' | 'tableWrites' | 'secretReads') =>
    (after[name] - before[name]) * daysOfMonth;
  return {
    warmUps: warmUps * daysOfMonth,
    logins: grown('logins'),
    tableReads: grown('tableReads'),
    tableWrites: grown('tableWrites'),
    secretReads: grown('secretReads'),
    logBytes: billedBytes(lines) * daysOfMonth,
    logLines: lines.length * daysOfMonth,
    metrics: metricsOf(lines),
  };
}

/** A caller as API Gateway names it, with a role and a session as long as they can be: 64 characters each. */
export function callerArn(name: string): string {
  return `arn:aws:sts::111111111111:assumed-role/${name.padEnd(64, 'X')}/${name.padEnd(64, 'X')}`;
}

/** Makes calls that are answered from memory, one after the other. */
export async function makeCalls(environment: Environment, month: Month): Promise<Calls> {
  const known = new Set(month.metrics);
  const call = async (caller: string, account: string) => {
    const lines = await environment.invoke('http', httpEvent(callerArn(caller), account));
    const before = known.size;
    for (const metric of metricsOf(lines)) {
      known.add(metric);
    }
    return { lines, added: known.size - before };
  };
  const first = await call('one', 'main');
  const nextCaller = await call('two', 'main');
  const nextAccount = await call('one', 'second');
  return {
    firstCaller: first.added,
    nextCaller: nextCaller.added,
    nextAccount: nextAccount.added,
    apiLines: first.lines,
    directLines: await environment.invoke('account-main', {}),
  };
}

/** The members of the event that the function reads. */
function httpEvent(userArn: string, account: string): object {
  return {
    resource: '/token/{account}',
    path: `/token/${account}`,
    httpMethod: 'POST',
    headers: {},
    queryStringParameters: null,
    pathParameters: { account },
    requestContext: { requestId: 'c6af9ac6-7b61-11e6-9a41-93e8deadbeef', identity: { userArn } },
    body: null,
    isBase64Encoded: false,
  };
}
