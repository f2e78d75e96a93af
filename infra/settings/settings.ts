// Reads and checks the settings of a stage in cdk.json. Called by app.ts.
import { Duration, type Environment, RemovalPolicy } from 'aws-cdk-lib';
import { RetentionDays } from 'aws-cdk-lib/aws-logs';
import { renewals } from '../../lambda/config.ts';
import { membersOf } from '../../lambda/json.ts';
import { accountFaults } from '../accounts.ts';
import type { TokenBrokerProps } from '../token-broker-props.ts';
import { type AlarmTopicArns, readAlarmTopic, readMonitoring, topicsByPath } from './alarms.ts';
import { type CallerSettings, principal, principalProblem, readAccounts, readCallers, readNaming } from './callers.ts';
import {
  anything,
  createReader,
  list,
  listOf,
  type Note,
  oneOf,
  type Reader,
  textLike,
  wholeNumber,
} from './reader.ts';
import { arnsOfAccounts, regionFaults } from './regions.ts';
import { type DomainSettings, type NetworkSettings, readDomain, readNetwork } from './resources.ts';

/** The props that are constructs. The stack makes them of ids and ARNs. */
type PropsOfConstructs =
  | 'alarmTopic'
  | 'code'
  | 'domainName'
  | 'encryptionKey'
  | 'securityGroups'
  | 'vpc'
  | 'vpcEndpoints'
  | 'vpcSubnets';

/** The settings of one stage in `cdk.json`. */
export interface Settings {
  /** AWS account and region of the stack. Absent members follow from the credentials that deploy. */
  readonly env: Environment;
  /** The props of the construct, except those that are constructs themselves. */
  readonly broker: Omit<TokenBrokerProps, PropsOfConstructs>;
  readonly callers: readonly CallerSettings[];
  /** ARN of the role or user that operates the broker. */
  readonly administrator: string | undefined;
  readonly alarmTopicArns: AlarmTopicArns | undefined;
  readonly vpcEndpointIds: readonly string[] | undefined;
  readonly encryptionKeyArn: string | undefined;
  /** The VPC of the function. */
  readonly network: NetworkSettings | undefined;
  /** The host name of the API. */
  readonly domain: DomainSettings | undefined;
}

const keyArn = textLike(/^arn:[a-z-]+:kms:[a-z0-9-]+:\d{12}:key\/[\w-]+$/);

/**
 * Returns the settings of a stage.
 *
 * @param stages the member `stages` of the CDK context
 * @param stage name of the stage
 * @throws Error that lists all faults, each with its path in the settings
 */
export function parseSettings(stages: unknown, stage: string): Settings {
  const settings = membersOf(stages)?.get(stage);
  if (settings === undefined) {
    throw new Error(`cdk.json has no stage "${stage}": choose one of its stages with -c stage=<name>`);
  }
  const faults: string[] = [];
  const parsed = readStage(settings, stage, (fault) => faults.push(fault));
  if (faults.length > 0) {
    throw new Error([`stage "${stage}" cannot be deployed. Correct its settings in cdk.json:`, ...faults].join('\n  '));
  }
  return parsed;
}

function readStage(value: unknown, stage: string, note: Note): Settings {
  const reader = createReader(value, '', note);
  const broker = readBroker(reader, stage, note);
  const settings = {
    broker,
    env: readEnv(reader.optional('env', anything, '') ?? {}, note),
    callers: readCallers(reader.optional('callers', list, 'must be a list'), broker, note),
    administrator: reader.optional('administrator', principal, principalProblem),
    alarmTopicArns: readAlarmTopic(reader.optional('alarmTopicArn', anything, ''), note),
    vpcEndpointIds: reader.optional(
      'vpcEndpointIds',
      listOf(textLike(/^vpce-[0-9a-f]{8,17}$/)),
      'must be a list of ids of VPC endpoints, each id only once',
    ),
    encryptionKeyArn: reader.optional('encryptionKeyArn', keyArn, 'must be the ARN of a key, not of an alias'),
    network: readNetwork(reader.optional('network', anything, ''), note),
    domain: readDomain(reader.optional('domain', anything, ''), note),
  };
  crossFaults(settings).forEach(note);
  reader.finish();
  return settings;
}

/** Returns the faults of settings that do not go together. */
function crossFaults({ broker, env, ...settings }: Settings): string[] {
  const { alarmTopicArns, encryptionKeyArn, domain, vpcEndpointIds } = settings;
  return [
    ...regionFaults(env.region, {
      ...arnsOfAccounts(broker.accounts),
      ...topicsByPath(alarmTopicArns),
      encryptionKeyArn,
      'domain.certificateArn': domain?.certificateArn,
    }),
    ...(broker.alarms === false && alarmTopicArns !== undefined
      ? ['alarmTopicArn: has no effect without alarms: remove one of the two']
      : []),
    ...(domain !== undefined && vpcEndpointIds !== undefined
      ? ['domain: a private API has no public name: remove domain or vpcEndpointIds']
      : []),
  ];
}

const atOnce = (value: unknown) => (value === false ? value : wholeNumber(10, 5000)(value));

function readBroker(reader: Reader, stage: string, note: Note): Settings['broker'] {
  const { optional } = reader;
  const accounts = readAccounts(optional('accounts', anything, ''), note);
  const defaultAccount = optional('defaultAccount', textLike(/^/), 'must be the id of an account');
  const openAccounts = optional(
    'openAccounts',
    oneOf<boolean | 'with-metrics'>(true, false, 'with-metrics'),
    'must be true, false or with-metrics',
  );
  accountFaults(accounts, defaultAccount, Boolean(openAccounts)).forEach(note);
  return {
    accounts,
    defaultAccount,
    openAccounts,
    ...readNaming(reader, stage),
    tokenUrl: optional('tokenUrl', httpsUrl, 'must be an https URL without credentials'),
    clientId: optional(
      'clientId',
      textLike(/^[\x21-\x7e]{1,128}$/),
      'must be a text of 1 to 128 visible ASCII characters',
    ),
    loginBudget: readLoginBudget(optional('loginBudget', anything, ''), note),
    renewWith: optional('renewWith', oneOf(...renewals), `must be ${renewals.join(' or ')}`),
    organizationId: optional(
      'organizationId',
      textLike(/^o-[a-z0-9]{10,32}$/),
      'must be the id of an AWS organisation, o-…',
    ),
    warmUpEvery: readMinutes(optional('warmUpMinutes', wholeNumber(1, 10), 'must be a whole number from 1 to 10')),
    warmUpsAtOnce: optional('warmUpsAtOnce', atOnce, 'must be false, or a whole number from 10 to 5000'),
    ...readLimits(reader, note),
    ...readLogging(reader),
    ...readMonitoring(reader, note),
    removalPolicy: asRemovalPolicy(optional('removalPolicy', oneOf('retain', 'destroy'), 'must be retain or destroy')),
  };
}

function readLoginBudget(value: unknown, note: Note) {
  if (value === undefined) {
    return;
  }
  const reader = createReader(value, 'loginBudget', note);
  const countProblem = 'must be a whole number from 1 to 250';
  const perHour = reader.required('perHour', wholeNumber(1, 250), countProblem);
  const perDay = reader.required('perDay', wholeNumber(1, 250), countProblem);
  reader.finish();
  return perHour === undefined || perDay === undefined ? undefined : { perHour, perDay };
}

function readLimits({ optional }: Reader, note: Note) {
  const countProblem = 'must be a whole number from 1 to 1000';
  const provisionedConcurrency = optional('provisionedConcurrency', wholeNumber(1, 1000), countProblem);
  const reservedConcurrency = optional('reservedConcurrency', wholeNumber(1, 1000), countProblem);
  if ((provisionedConcurrency ?? 0) >= (reservedConcurrency ?? Number.POSITIVE_INFINITY)) {
    // Provisioned environments serve only the alias `http` and count towards the reserved ones.
    note(
      'provisionedConcurrency: must be lower than reservedConcurrency, so that the other aliases have environments too',
    );
  }
  return {
    provisionedConcurrency,
    reservedConcurrency,
    memorySize: optional('memoryMb', wholeNumber(128, 10_240), 'must be a whole number from 128 to 10240'),
    throttle: readThrottle(optional('throttle', anything, ''), note),
  };
}

function readThrottle(value: unknown, note: Note) {
  if (value === undefined) {
    return;
  }
  const reader = createReader(value, 'throttle', note);
  const rateProblem = 'must be a whole number from 1 to 10000';
  const ratePerSecond = reader.required('ratePerSecond', wholeNumber(1, 10_000), rateProblem);
  const burst = reader.required('burst', wholeNumber(1, 10_000), rateProblem);
  reader.finish();
  return ratePerSecond === undefined || burst === undefined ? undefined : { ratePerSecond, burst };
}

function readLogging({ optional }: Reader) {
  const choices = oneOf('account-has-role', 'create-role', 'off');
  const retentions = Object.values(RetentionDays).filter((days) => typeof days === 'number');
  return {
    apiGatewayLogging: optional('apiGatewayLogging', choices, 'must be account-has-role, create-role or off'),
    logRetention: optional(
      'logRetentionDays',
      oneOf(...retentions),
      'must be a number of days that CloudWatch Logs offers',
    ),
  };
}

function asRemovalPolicy(choice: 'retain' | 'destroy' | undefined): RemovalPolicy | undefined {
  const policies = { retain: RemovalPolicy.RETAIN, destroy: RemovalPolicy.DESTROY };
  return choice && policies[choice];
}

function readMinutes(minutes: number | undefined): Duration | undefined {
  return minutes === undefined ? undefined : Duration.minutes(minutes);
}

function httpsUrl(value: unknown): string | undefined {
  const url = typeof value === 'string' ? URL.parse(value) : null;
  return url?.protocol === 'https:' && url.username === '' && url.password === '' ? url.href : undefined;
}

function readEnv(value: unknown, note: Note): Environment {
  const reader = createReader(value, 'env', note);
  const account = reader.optional('account', textLike(/^\d{12}$/), 'must be an AWS account id of 12 digits');
  const region = reader.optional('region', textLike(/^[a-z]{2,4}(-[a-z]+)+-\d$/), 'must be an AWS region');
  reader.finish();
  return { ...(account !== undefined && { account }), ...(region !== undefined && { region }) };
}
