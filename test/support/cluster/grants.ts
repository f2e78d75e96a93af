// Says what a cluster sent to Fegora, and brings it to the moments that matter in refresh mode. Used by test/scenario/broker/refresh.
import { type Answer, account, type Cluster, type ClusterOptions, startCluster } from '../cluster.ts';

/** A token of 30 minutes: its renewal window opens after 20 minutes, in some environments up to 2.5 minutes later. */
export const untilWindowMs = 1_360_000;
/** From the issue of a token on, until it is not handed out any more. */
export const untilMarginMs = 1_750_000;

/** Starts a cluster in refresh mode, and buys its first token with the password. */
export async function startRefreshing(options: ClusterOptions = {}): Promise<Cluster> {
  const cluster = await startCluster({ renewWith: 'refresh_token', ...options });
  await cluster.askAll();
  return cluster;
}

/** What went to Fegora, in the order of its arrival: the grant, and what the server made of it. */
export function sent({ fegora }: Pick<Cluster, 'fegora'>): string[] {
  return fegora.grants().map(({ grant, outcome }) => `${grant === 'password' ? 'password' : 'refresh'} ${outcome}`);
}

/** Lets an environment without memory ask, after the token has run out. */
export async function askAfterExpiry(cluster: Cluster): Promise<Answer> {
  await cluster.pass(untilMarginMs);
  cluster.restart(0);
  const [answer] = await cluster.until(cluster.ask(0));
  if (answer === undefined) {
    throw new Error('no answer');
  }
  return answer;
}

/** The refresh token in the table. */
export function storedRefreshToken({ table }: Pick<Cluster, 'table'>): string | undefined {
  return table.rows.get(account)?.refresh_token?.S;
}
