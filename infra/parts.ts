// Creates the parts of a broker from its props, with their defaults. Called by token-broker.ts.
import { Duration } from 'aws-cdk-lib';
import type { Role } from 'aws-cdk-lib/aws-iam';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import type { IAlias } from 'aws-cdk-lib/aws-lambda';
import { RetentionDays } from 'aws-cdk-lib/aws-logs';
import { Construct } from 'constructs';
import type { Accounts } from './accounts.ts';
import { TokenApi } from './api/api.ts';
import { defaultThrottle } from './api/stage.ts';
import type { MetricSources } from './monitoring/alarm-metrics.ts';
import type { AlarmTopics } from './monitoring/alarm-names.ts';
import { BrokerAlarms } from './monitoring/alarms.ts';
import { BrokerDashboard } from './monitoring/dashboard.ts';
import { brokerMetrics } from './monitoring/metrics.ts';
import { DueQueue, isDueIndexed } from './resources/due-queue.ts';
import { brokerEnvironment } from './resources/environment.ts';
import { BrokerFunction } from './resources/function.ts';
import { createNetwork, type FunctionNetwork } from './resources/network.ts';
import { OpenAccounts } from './resources/open-accounts.ts';
import { secretNameOf, secretPrefixOf } from './resources/secret-names.ts';
import { createReadRights } from './resources/secret-rights.ts';
import { AccountSecret } from './resources/secrets.ts';
import { addWarmup } from './resources/warmup.ts';
import type { TokenBrokerProps } from './token-broker-props.ts';

type Secrets = ReadonlyMap<string, AccountSecret>;

/** Returns the secret of each account, by account id. */
export function createSecrets(scope: Construct, props: TokenBrokerProps, by: { key: IKey; role: Role }): Secrets {
  const { accounts, removalPolicy } = props;
  const credentials = new Construct(scope, 'Credentials');
  const shared = { ...by, allowRead: createReadRights(by.role), removalPolicy };
  return new Map(
    Object.entries(accounts).map(([account, { secretArn, secretKeyArn }]) => {
      const secretName = secretNameOf(scope, props, account);
      return [account, new AccountSecret(credentials, account, { ...shared, secretName, secretArn, secretKeyArn })];
    }),
  );
}

/** Returns the rights on accounts that are not listed. Undefined if the props do not open them. */
export function createOpenAccounts(
  scope: Construct,
  props: TokenBrokerProps,
  by: { key: IKey; role: Role },
): OpenAccounts | undefined {
  const secretPrefix = secretPrefixOf(scope, props);
  return props.openAccounts && secretPrefix !== undefined
    ? new OpenAccounts(scope, 'OpenAccounts', { ...by, secretPrefix })
    : undefined;
}

/** What the function reads and who it is. */
interface FunctionParts {
  readonly role: Role;
  readonly secrets: Secrets;
  readonly defaultAccount: string | undefined;
  readonly tableName: string;
  readonly due: DueQueue | undefined;
}

/** Returns the function, in the VPC of the props. */
export function createFunction(scope: Construct, props: TokenBrokerProps, parts: FunctionParts): BrokerFunction {
  return new BrokerFunction(scope, 'Function', {
    role: parts.role,
    accounts: [...parts.secrets].map(([id, { secretName }]) => ({ id, isNamed: secretName !== undefined })),
    environment: brokerEnvironment({
      secrets: parts.secrets,
      secretPrefix: secretPrefixOf(scope, props),
      openAccounts: props.openAccounts ?? false,
      tableName: parts.tableName,
      queueUrl: parts.due?.queue.queueUrl,
      defaultAccount: parts.defaultAccount,
      tokenUrl: props.tokenUrl,
      clientId: props.clientId,
      loginBudget: props.loginBudget,
      renewWith: props.renewWith,
    }),
    memorySize: props.memorySize ?? 512,
    logRetention: logRetentionOf(props),
    code: props.code,
    provisionedConcurrency: props.provisionedConcurrency,
    reservedConcurrency: props.reservedConcurrency,
    network: networkOf(scope, props, parts.role),
    tracing: props.tracing ?? false,
    removalPolicy: props.removalPolicy,
  });
}

function networkOf(scope: Construct, props: TokenBrokerProps, role: Role): FunctionNetwork | undefined {
  const { vpc, vpcSubnets, securityGroups, tokenUrl } = props;
  return vpc && createNetwork(scope, role, { vpc, vpcSubnets, securityGroups, tokenUrl });
}

/** Returns the API, whose calls go to the alias `http`. */
export function createApi(scope: Construct, props: TokenBrokerProps, { http }: BrokerFunction): TokenApi {
  return new TokenApi(scope, 'Api', {
    alias: http,
    logging: props.apiGatewayLogging ?? 'account-has-role',
    logRetention: logRetentionOf(props),
    throttle: props.throttle ?? defaultThrottle,
    tracing: props.tracing ?? false,
    vpcEndpoints: props.vpcEndpoints,
    organizationId: props.organizationId,
    domain: props.domainName,
    removalPolicy: props.removalPolicy,
  });
}

/** Returns the queue of accounts whose warm-up is due. Undefined if no account is kept warm while it is in use. */
export function createDueQueue(scope: Construct, props: TokenBrokerProps, role: Role): DueQueue | undefined {
  const every = props.warmUpEvery ?? betweenWarmUps;
  return isDueIndexed(props) ? new DueQueue(scope, 'DueQueue', { role, every }) : undefined;
}

/** Adds the schedules that renew tokens, and the rules for new secret versions. */
export function startWarmups(
  scope: Construct,
  props: TokenBrokerProps,
  parts: { alias: IAlias; secrets: readonly AccountSecret[]; due: DueQueue | undefined },
): void {
  const { accounts, warmUpEvery } = props;
  const secretPrefix = secretPrefixOf(scope, props);
  const { due, ...rest } = parts;
  due?.invoke(parts.alias, props);
  addWarmup(scope, {
    ...rest,
    secretPrefix,
    exceptDue: due && Object.keys(accounts).filter((account) => accounts[account]?.keepWarm !== 'in-use'),
    accounts: accountsToWarm(accounts),
    every: warmUpEvery ?? betweenWarmUps,
  });
}

/** The alarms of a broker: by name, and `AccountFails` by account. */
export type MonitoringParts = Pick<BrokerAlarms, 'alarms' | 'accountAlarms'>;

/** Adds alarms and dashboard, as far as the props want them. Returns the alarms. */
export function createMonitoring(
  scope: Construct,
  props: TokenBrokerProps,
  { broker, tokenApi, due }: { broker: BrokerFunction; tokenApi: TokenApi; due: DueQueue | undefined },
): MonitoringParts {
  const { gatewayMetrics, accessLog } = tokenApi;
  const metrics = brokerMetrics(broker.function.functionName);
  const sources = { metrics, broker, gatewayMetrics, deadLetters: due?.deadLetters };
  const created = props.alarms === false ? undefined : createAlarms(scope, props, sources);
  if (props.dashboard ?? true) {
    new BrokerDashboard(scope, 'Dashboard', { ...sources, alarms: created, accessLog });
  }
  return created ?? { alarms: {}, accountAlarms: new Map() };
}

function createAlarms(scope: Construct, props: TokenBrokerProps, sources: MetricSources): BrokerAlarms {
  const { accounts, alarmTopic, alarms, warmUpEvery } = props;
  return new BrokerAlarms(scope, 'Alarms', {
    ...sources,
    accounts: Object.keys(accounts),
    warmUpEvery:
      accountsToWarm(accounts).length > 0 || isDueIndexed(props) ? (warmUpEvery ?? betweenWarmUps) : undefined,
    topics: topicsOf(alarmTopic),
    thresholds: typeof alarms === 'object' ? alarms : undefined,
  });
}

/** One topic is for both severities. */
function topicsOf(alarmTopic: TokenBrokerProps['alarmTopic'] = {}): AlarmTopics {
  return 'topicArn' in alarmTopic ? { urgent: alarmTopic, notice: alarmTopic } : alarmTopic;
}

const betweenWarmUps = Duration.minutes(4);

function logRetentionOf({ logRetention }: TokenBrokerProps): RetentionDays {
  return logRetention ?? RetentionDays.SIX_MONTHS;
}

function accountsToWarm(accounts: Accounts): string[] {
  return Object.entries(accounts).flatMap(([account, { keepWarm = true }]) => (keepWarm === true ? [account] : []));
}
