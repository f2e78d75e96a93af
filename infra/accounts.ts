import { accountIdPattern, isSameSecret } from '../lambda/config.ts';

/** One Fegora account, that is one taxpayer. */
export interface AccountProps {
  /**
   * Complete ARN of an existing secret with this account's credentials.
   *
   * @default - a secret is made, without any value
   */
  readonly secretArn?: string | undefined;
  /**
   * ARN of the customer key that the existing secret is encrypted with.
   *
   * @default - it is encrypted with the key of AWS, which asks for no grant
   */
  readonly secretKeyArn?: string | undefined;
  /**
   * Whether the schedule keeps a token ready.
   *
   * @default true
   */
  readonly keepWarm?: boolean | undefined;
}

/** Account id to account. */
export type Accounts = Readonly<Record<string, AccountProps>>;

const completeSecretArn = /^arn:[a-z-]+:secretsmanager:[a-z0-9-]+:\d{12}:secret:[\w/+=.@!-]+-[A-Za-z0-9]{6}$/;
const keyArn = /^arn:[a-z-]+:kms:[a-z0-9-]+:\d{12}:key\/[\w-]+$/;

/** Everything that is wrong with a set of accounts, each with the account it concerns; empty where nothing is. */
export function accountFaults(accounts: Accounts, defaultAccount: string | undefined): string[] {
  const entries = Object.entries(accounts);
  return [
    ...(entries.length === 0 ? ['accounts: at least one is needed'] : []),
    ...entries.flatMap(([id, account]) => faultsOf(id, account)),
    ...sharedSecrets(entries),
    ...lookAlikes(Object.keys(accounts)),
    ...(defaultAccount !== undefined && !Object.hasOwn(accounts, defaultAccount)
      ? ['defaultAccount: is not one of the accounts']
      : []),
  ];
}

function faultsOf(id: string, { secretArn, secretKeyArn }: AccountProps): string[] {
  const faults: string[] = [];
  if (!accountIdPattern.test(id)) {
    faults.push('an id is up to 63 lower-case letters, digits and hyphens');
  }
  if (secretArn !== undefined && !completeSecretArn.test(secretArn)) {
    faults.push('secretArn: is no complete ARN of a secret, with the six characters at its end');
  }
  if (secretKeyArn !== undefined && !keyArn.test(secretKeyArn)) {
    faults.push('secretKeyArn: is no ARN of a key');
  }
  if (secretKeyArn !== undefined && secretArn === undefined) {
    faults.push('secretKeyArn: is of no use without secretArn');
  }
  return faults.map((fault) => `accounts.${id}: ${fault}`);
}

/** One password behind two accounts would be tried twice: once by each, and half way to the lockout. */
function sharedSecrets(entries: readonly (readonly [string, AccountProps])[]): string[] {
  return entries.flatMap(([id, { secretArn }], index) =>
    entries
      .slice(0, index)
      .flatMap(([other, { secretArn: otherArn }]) =>
        secretArn !== undefined && otherArn !== undefined && isSameSecret(secretArn, otherArn)
          ? [`accounts.${id}: has the secret of ${other}`]
          : [],
      ),
  );
}

/** CloudFormation drops hyphens from names, so both would have one output; people mix such ids up as well. */
function lookAlikes(ids: readonly string[]): string[] {
  const bare = (id: string) => id.replaceAll('-', '');
  return ids.flatMap((id, index) =>
    ids
      .slice(0, index)
      .filter((other) => bare(other) === bare(id))
      .map((other) => `accounts.${id}: differs from ${other} by hyphens alone`),
  );
}
