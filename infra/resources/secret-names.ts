// Says what the secrets of a broker are named. Called by parts.ts and prop-faults.ts.
import { Names, Stack, Token, TokenComparison } from 'aws-cdk-lib';
import type { Construct } from 'constructs';
import { isSameSecret, secretPrefixPattern } from '../../lambda/account-secrets.ts';
import type { AccountProps } from '../accounts.ts';
import type { TokenBrokerProps } from '../token-broker-props.ts';

/** The props that decide about names. */
type NamingProps = Pick<TokenBrokerProps, 'accounts' | 'openAccounts' | 'secretNames' | 'secretPrefix'>;

/** Returns the faults of the props that decide about names. */
export function nameFaults(broker: Construct, props: NamingProps): string[] {
  const { secretNames, secretPrefix } = props;
  const isPrefix =
    secretPrefix === undefined || (!Token.isUnresolved(secretPrefix) && secretPrefixPattern.test(secretPrefix));
  return [
    ...(secretNames === undefined || secretNames === 'generated' || secretNames === 'from-ids'
      ? []
      : ['secretNames: must be generated or from-ids']),
    ...(isPrefix
      ? []
      : [
          'secretPrefix: must be known at synth, and be up to 128 letters, digits and characters of /_+=.@- with a slash at the end',
        ]),
    ...sharedNames(broker, props),
  ];
}

/** Each of two accounts with the same secret would try the same wrong password. */
function sharedNames(broker: Construct, props: NamingProps): string[] {
  const ids = Object.keys(props.accounts);
  const names = ids.flatMap((id) => {
    const name = secretNameOf(broker, props, id);
    return name === undefined ? [] : [{ id, name }];
  });
  const existing = Object.entries(props.accounts).filter(([, { secretArn }]) => isOfStack(broker, secretArn));
  return existing.flatMap(([id, { secretArn = '' }]) =>
    names
      .filter(({ name }) => isSameSecret(name, secretArn))
      .map((other) => `accounts.${id}: has the same secret as ${other.id}: give each account its own`),
  );
}

/** Whether a secret is, or may be, in the AWS account and region of the stack. */
function isOfStack(broker: Construct, secretArn: string | undefined): boolean {
  if (secretArn === undefined || Token.isUnresolved(secretArn)) {
    return false;
  }
  const { region, account } = Stack.of(broker);
  const [, , , itsRegion = '', itsAccount = ''] = secretArn.split(':');
  const different = TokenComparison.DIFFERENT;
  return (
    Token.compareStrings(itsRegion, region) !== different && Token.compareStrings(itsAccount, account) !== different
  );
}

/**
 * Returns the prefix of the names. Undefined if no name follows from an id, and accounts are not open. By default, no other broker of
 * the AWS account and region has it: names of stacks are unique there, and so is the path of the construct in its stack.
 */
export function secretPrefixOf(broker: Construct, props: NamingProps): string | undefined {
  const hasNames = props.openAccounts || Object.values(props.accounts).some((account) => isNamed(account, props));
  const prefix =
    props.secretPrefix ?? `fegora/${Names.uniqueResourceName(broker, { maxLength: 100, separator: '-' })}/`;
  return hasNames ? prefix : undefined;
}

/** Returns the name of the secret of an account. Undefined if CloudFormation generates it, or if the secret exists. */
export function secretNameOf(broker: Construct, props: NamingProps, account: string): string | undefined {
  const { [account]: its = {} } = props.accounts;
  return isNamed(its, props) ? `${secretPrefixOf(broker, props)}${account}` : undefined;
}

/** Whether the name of the secret follows from the id. An existing secret has the name that it has. */
function isNamed({ secretArn, secretName }: AccountProps, { secretNames }: NamingProps): boolean {
  return secretArn === undefined && (secretName === undefined ? secretNames === 'from-ids' : secretName === 'from-id');
}
