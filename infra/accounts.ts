// Declares what an account is and finds faults in a set of them. Called by token-broker.ts and settings/settings.ts.
import { Token } from 'aws-cdk-lib';
import { accountIdPattern, isSameSecret } from '../lambda/account-secrets.ts';

/** One Fegora account, which stands for one taxpayer. */
export interface AccountProps {
  /**
   * Complete ARN of an existing secret with the credentials of this account.
   *
   * @default - the stack creates a secret without a value
   */
  readonly secretArn?: string | undefined;
  /**
   * ARN of the customer managed key that encrypts the existing secret.
   *
   * @default - the AWS managed key encrypts the secret, and the broker needs no grant on it
   */
  readonly secretKeyArn?: string | undefined;
  /**
   * Whether the name of the secret that the stack creates follows from the id: `secretPrefix` and the id. Never change it while the
   * secret is in use: the account would get another secret, without a value. CloudFormation refuses the change.
   *
   * @default - as `secretNames` of the broker says
   */
  readonly secretName?: 'generated' | 'from-id' | undefined;
  /**
   * Whether the token of this account is renewed ahead of need: always, never, or while the account is in use, that is if a
   * caller asked for it within the lifetime of a token. `in-use` costs a queue and an index of the table, and then only what is due.
   *
   * @default true
   */
  readonly keepWarm?: boolean | 'in-use' | undefined;
}

/** Accounts by id. */
export type Accounts = Readonly<Record<string, AccountProps>>;

const completeSecretArn = /^arn:[a-z-]+:secretsmanager:[a-z0-9-]+:\d{12}:secret:[\w/+=.@!-]+-[A-Za-z0-9]{6}$/;
const keyArn = /^arn:[a-z-]+:kms:[a-z0-9-]+:\d{12}:key\/[\w-]+$/;

/** The CDK's command line drops them from `cdk.json` without a word, and the CDK cannot give a construct the first one. */
export const droppedIds: readonly string[] = ['constructor', 'prototype'];

/**
 * Returns every fault in a set of accounts. Each fault names its account. The list is empty if there is no fault.
 *
 * @param openAccounts whether there may be other accounts than these
 */
export function accountFaults(accounts: Accounts, defaultAccount: string | undefined, openAccounts = false): string[] {
  const entries = Object.entries(accounts);
  return [
    ...(entries.length === 0 && !openAccounts
      ? [`accounts: must have at least one account (the CDK drops the ids ${droppedIds.join(' and ')})`]
      : []),
    ...entries.flatMap(([id, account]) => faultsOf(id, account)),
    ...sharedSecrets(entries),
    ...similarIds(Object.keys(accounts)),
    ...(defaultAccount !== undefined && !Object.hasOwn(accounts, defaultAccount)
      ? ['defaultAccount: must be one of the accounts']
      : []),
  ];
}

function faultsOf(id: string, { secretArn, secretKeyArn, secretName }: AccountProps): string[] {
  const faults: string[] = [];
  if (!accountIdPattern.test(id)) {
    faults.push('the id must be up to 63 lower-case letters, digits and hyphens, with no hyphen at the start');
  }
  if (droppedIds.includes(id)) {
    faults.push('the CDK cannot take this id: choose another');
  }
  if (isOther(secretArn, completeSecretArn)) {
    faults.push('secretArn: must be the complete ARN of a secret, with the six characters at its end');
  }
  if (isOther(secretKeyArn, keyArn)) {
    faults.push('secretKeyArn: must be the ARN of a key, not of an alias');
  }
  if (secretKeyArn !== undefined && secretArn === undefined) {
    faults.push('secretKeyArn: has no effect without secretArn: add secretArn, or remove it');
  }
  if (secretName !== undefined && secretName !== 'generated' && secretName !== 'from-id') {
    faults.push('secretName: must be generated or from-id');
  }
  if (secretName !== undefined && secretArn !== undefined) {
    faults.push('secretName: has no effect with secretArn: remove one of the two');
  }
  return faults.map((fault) => `accounts.${id}: ${fault}`);
}

/** Whether an ARN is known by now and is of another form. The ARN of a resource of the same app is known only at deployment. */
function isOther(arn: string | undefined, form: RegExp): boolean {
  return arn !== undefined && !Token.isUnresolved(arn) && !form.test(arn);
}

/** Each of two accounts with the same secret would try the same wrong password. Fegora would lock the user sooner. */
function sharedSecrets(entries: readonly (readonly [string, AccountProps])[]): string[] {
  return entries.flatMap(([id, { secretArn }], index) =>
    entries
      .slice(0, index)
      .flatMap(([other, { secretArn: otherArn }]) =>
        secretArn !== undefined && otherArn !== undefined && isSameSecret(secretArn, otherArn)
          ? [`accounts.${id}: has the same secret as ${other}: give each account its own`]
          : [],
      ),
  );
}

/** CloudFormation drops hyphens from names, so two such ids would have one output. People also confuse such ids. */
function similarIds(ids: readonly string[]): string[] {
  const withoutHyphens = (id: string) => id.replaceAll('-', '');
  return ids.flatMap((id, index) =>
    ids
      .slice(0, index)
      .filter((other) => withoutHyphens(other) === withoutHyphens(id))
      .map((other) => `accounts.${id}: differs from ${other} only by hyphens: choose another id`),
  );
}
