// What operators do to the accounts of a cluster, and what Fegora knows of the users. Used by test/scenario/broker/user.
// Loaded before the clock moves: the table loads it at a reset, which takes real time.
import '../../../lambda/aws/item-reset.ts';
import type { Amendment } from '../../../lambda/broker/ports.ts';
import { asBrokerError } from '../../../lambda/errors.ts';
import { account, type Cluster, type SecretVersion } from '../cluster.ts';

/** A second Fegora user. A test makes it known with `fegora.setPassword`. */
export const otherUser = 'otra@empresa.gt';
export const otherPassword = 'not-a-real-password-of-another-user';

/** Which account, and which environment does it. */
interface Where {
  /** @default `account` of the cluster */
  readonly of?: string;
  /** @default 0 */
  readonly environment?: number;
}

/** Verifies the version that AWSCURRENT names. Returns the outcome, or the code of the error. */
export async function verify(cluster: Cluster, { of = account, environment = 0 }: Where = {}): Promise<string> {
  const begun = cluster.clock.monotonic();
  const remaining = () => begun + 25_000 - cluster.clock.monotonic();
  const verified = Promise.resolve(cluster.brokers[environment]?.verify(of, remaining)).then(
    (result) => String(result?.outcome),
    (thrown: unknown) => asBrokerError(thrown).code,
  );
  const [end] = await cluster.until(verified);
  return end ?? 'none';
}

/** Gives the secret of `account` a version, and verifies it. Returns what `verify` does. */
export function setVersion(cluster: Cluster, version: SecretVersion, where: Where = {}): Promise<string> {
  cluster.secret.current = () => version;
  return verify(cluster, where);
}

/** Changes the item of an account as an operator does. */
export async function amend(
  cluster: Cluster,
  amendment: Amendment,
  { of = account, environment = 0 }: Where = {},
): Promise<void> {
  await cluster.until(Promise.resolve(cluster.brokers[environment]?.amend(of, amendment, () => 25_000)));
}

/** The user whose token this is, as Fegora says. */
export async function whoami({ fegora }: Cluster, accessToken: string | undefined): Promise<unknown> {
  const headers = { Authorization: `Bearer ${accessToken}` };
  const response = await fetch(`${fegora.origin}/api/whoami`, { headers });
  return Object(await response.json()).userName;
}

/** When logins of a user were refused. Epoch milliseconds. */
export function refusedAt({ fegora }: Cluster, user: string): number[] {
  return fegora
    .logins()
    .filter(({ username, outcome }) => username === user && outcome === 'refused')
    .map(({ at }) => at);
}
