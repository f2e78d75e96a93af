// Finds faults in the props of a broker, before anything is created. Called by token-broker.ts.
import { RemovalPolicy, Stack, Token } from 'aws-cdk-lib';
import type { Construct } from 'constructs';
import { renewals } from '../lambda/config.ts';
import { accountFaults } from './accounts.ts';
import { alarmNames, isThreshold, thresholdProblem } from './monitoring/alarm-names.ts';
import { rangeFaults } from './range-faults.ts';
import { ifKnown, resourceFaults } from './resource-faults.ts';
import { OpenAccounts } from './resources/open-accounts.ts';
import { nameFaults, secretPrefixOf } from './resources/secret-names.ts';
import { partitionFaults } from './settings/regions.ts';
import type { TokenBrokerProps } from './token-broker-props.ts';

/**
 * Returns the account of `POST /token`. Undefined if that path serves no account.
 *
 * @throws Error if there is no object of accounts, as JavaScript allows
 */
export function defaultAccountOf({ accounts, defaultAccount }: TokenBrokerProps): string | undefined {
  if (typeof accounts !== 'object' || accounts === null || Array.isArray(accounts)) {
    throw new Error('accounts: must be an object with the accounts by id');
  }
  const ids = Object.keys(accounts);
  return defaultAccount ?? (ids.length === 1 ? ids[0] : undefined);
}

/** @throws Error that lists all faults of the props, one per line. Each fault names its prop and says what to do */
export function checkProps(scope: Construct, props: TokenBrokerProps, defaultAccount: string | undefined): void {
  const faults = propFaults(scope, props, defaultAccount);
  if (faults.length > 0) {
    throw new Error(faults.join('\n'));
  }
}

function propFaults(scope: Construct, props: TokenBrokerProps, defaultAccount: string | undefined): string[] {
  return [
    ...accountFaults(props.accounts, defaultAccount, Boolean(props.openAccounts)),
    ...openFaults(scope, props),
    ...nameFaults(scope, props),
    ...budgetFaults(props),
    ...renewalFaults(props),
    ...rangeFaults(props),
    ...networkFaults(props),
    ...domainFaults(props),
    ...alarmFaults(props),
    ...removalFaults(props),
    ...partitionFaults(ifKnown(Stack.of(scope).region)),
    ...resourceFaults(scope, props),
  ];
}

/**
 * At deployment, `openAccounts` decides about resources. Two brokers of a stack have the same tag: with the same prefix too, both would log
 * in with the same credentials, each with a table of its own.
 */
function openFaults(scope: Construct, props: TokenBrokerProps): string[] {
  if (!openChoices.has(props.openAccounts)) {
    return ['openAccounts: must be true, false or with-metrics'];
  }
  const prefix = secretPrefixOf(scope, props);
  const isTaken =
    Boolean(props.openAccounts) &&
    Stack.of(scope)
      .node.findAll()
      .some((one) => one instanceof OpenAccounts && one.secretPrefix === prefix && Stack.of(one) === Stack.of(scope));
  return isTaken
    ? ['secretPrefix: another broker of this stack has the open accounts below it: give each its own']
    : [];
}

const openChoices: ReadonlySet<unknown> = new Set([undefined, false, true, 'with-metrics']);

/** The range is that of the function, which would answer every call `configuration` (lambda/config.ts). */
function budgetFaults({ loginBudget }: TokenBrokerProps): string[] {
  return loginBudget === undefined
    ? []
    : (['perHour', 'perDay'] as const).flatMap((name) => {
        const count = loginBudget[name];
        const isValid = Token.isUnresolved(count) || (Number.isInteger(count) && count >= 1 && count <= 250);
        return isValid ? [] : [`loginBudget.${name}: must be a whole number from 1 to 250`];
      });
}

function renewalFaults({ renewWith }: TokenBrokerProps): string[] {
  const isValid = renewWith === undefined || Token.isUnresolved(renewWith) || renewals.includes(renewWith);
  return isValid ? [] : [`renewWith: must be ${renewals.join(' or ')}`];
}

function networkFaults({ vpc, vpcSubnets, securityGroups }: TokenBrokerProps): string[] {
  const faults = Object.entries({ vpcSubnets, securityGroups }).flatMap(([name, value]) =>
    value === undefined ? [] : [`${name}: has no effect without vpc: add vpc, or remove it`],
  );
  return vpc === undefined ? faults : [];
}

/** A name of letters, digits and hyphens in at least two labels. A wildcard would match names that are not ours. */
const hostName = /^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,63}$/;

function domainFaults({ domainName, vpcEndpoints }: TokenBrokerProps): string[] {
  if (domainName === undefined) {
    return [];
  }
  const isName = Token.isUnresolved(domainName.name) || hostName.test(domainName.name);
  return [
    ...(isName ? [] : ['domainName: the name must be a host name in lower case, without a wildcard']),
    ...(vpcEndpoints === undefined
      ? []
      : ['domainName: a private API has no public name: remove domainName or vpcEndpoints']),
  ];
}

function alarmFaults({ alarms, alarmTopic }: TokenBrokerProps): string[] {
  if (alarms === false) {
    return alarmTopic === undefined ? [] : ['alarmTopic: has no effect without alarms: remove one of the two'];
  }
  const thresholds = Object.entries(typeof alarms === 'object' ? alarms : {});
  return thresholds.flatMap(([name, threshold]) => [
    ...(alarmNames.some((known) => known === name) ? [] : [`alarms.${name}: is not an alarm: check its spelling`]),
    ...(threshold === undefined || threshold === false || isThreshold(name, threshold)
      ? []
      : [`alarms.${name}: ${thresholdProblem(name)}`]),
  ]);
}

function removalFaults({ removalPolicy }: TokenBrokerProps): string[] {
  const choices: readonly unknown[] = [undefined, RemovalPolicy.RETAIN, RemovalPolicy.DESTROY];
  return choices.includes(removalPolicy)
    ? []
    : ['removalPolicy: must be RemovalPolicy.RETAIN or RemovalPolicy.DESTROY'];
}
