// What the token of an account is bound to, so that no other secret's token is served. Created by ../handler.ts, called by token-table.ts.
import { fingerprint } from '../broker/token.ts';
import type { GetSecretValue } from './secret.ts';

/**
 * Texts that differ if token URL, client id or secret do. A token that is bound to one of them is served. If there are two, the
 * second does not need a read of the secret.
 */
export type TokenBinding = string | readonly [withArn: string, withName: string];

/** What decides about the bindings. */
export interface BindingSettings {
  readonly tokenUrl: string;
  readonly clientId: string;
  /** Account to secret id. */
  readonly secrets: Pick<ReadonlyMap<string, string>, 'get'>;
  /** What the names that follow from ids begin with. */
  readonly secretPrefix: string | undefined;
}

/** The bindings of all accounts. */
export interface Bindings {
  readonly of: (account: string) => TokenBinding;
  /** Whether a read of the secret would tell another text that tokens of the account may be bound to. */
  readonly canLearn: (account: string) => boolean;
  /** Returns a port that learns the ARN of each secret that it reads. */
  readonly learningFrom: (getSecretValue: GetSecretValue) => GetSecretValue;
}

/** How many ARNs one environment remembers. Without its ARN, a token is bound to the name of the secret. */
const mostArns = 1000;

/**
 * A secret whose name follows from the account's id may have been configured by its ARN before, or may be again, also by an older
 * version of the function at this very time. Its tokens are bound to both, and a token that is bound to either one is served. The
 * ARN is known once the secret was read, which every login does.
 */
export function createBindings({ tokenUrl, clientId, secrets, secretPrefix }: BindingSettings): Bindings {
  const arns = new Map<string, string>();
  const textWith = (secretId: string | undefined) => JSON.stringify([tokenUrl, clientId, secretId]);
  /** The name of the secret, if it follows from the account's id. */
  const nameOf = (account: string) => {
    const secretId = secrets.get(account);
    return secretId === `${secretPrefix}${account}` ? secretId : undefined;
  };

  return {
    of: (account) => {
      const arn = arns.get(nameOf(account) ?? '');
      const settled = textWith(secrets.get(account));
      return arn === undefined ? settled : [textWith(arn), settled];
    },
    canLearn: (account) => !arns.has(nameOf(account) ?? '') && nameOf(account) !== undefined,
    learningFrom: (getSecretValue) => async (secretId, signal) => {
      const version = await getSecretValue(secretId, signal);
      if (version.arn !== undefined) {
        arns.delete(secretId);
        arns.set(secretId, version.arn);
      }
      const [oldest] = arns.keys();
      if (arns.size > mostArns && oldest !== undefined) {
        arns.delete(oldest);
      }
      return version;
    },
  };
}

function textsOf(binding: TokenBinding): readonly string[] {
  return [binding].flat();
}

/** The text that is known without a read of the secret, and so is always the same. */
export function settledText(binding: TokenBinding): string {
  return textsOf(binding).at(-1) ?? '';
}

/** Binds a token to the settings it was bought with. SHA-256, 64 hex digits. */
export function boundTo(text: string, accessToken: string): string {
  return fingerprint(JSON.stringify([text, accessToken]));
}

/** The attributes of a token. An older version looks only at the first, which has the ARN if it is known. */
export function boundAttributes(binding: TokenBinding, accessToken: string) {
  const [bound_to, bound_also] = textsOf(binding).map((text) => ({ S: boundTo(text, accessToken) }));
  return { ...(bound_to && { bound_to }), ...(bound_also && { bound_also }) };
}

/**
 * Whether the stored token was bought with the settings of today: another token URL, client id or secret may belong to
 * another taxpayer. Nothing that an older version wrote is bound, so such a token is not used either.
 *
 * @param bounds the attributes of the token, as they are stored
 * @param binding undefined: anything
 */
export function isBound(
  accessToken: string,
  bounds: readonly (string | undefined)[],
  binding: TokenBinding | undefined,
): boolean {
  return binding === undefined || textsOf(binding).some((text) => bounds.includes(boundTo(text, accessToken)));
}
