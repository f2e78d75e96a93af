import { Duration, type Environment } from 'aws-cdk-lib';
import { RetentionDays } from 'aws-cdk-lib/aws-logs';
import { membersOf } from '../../lambda/json.ts';
import { type AccountProps, type Accounts, accountFaults } from '../accounts.ts';
import type { TokenBrokerProps } from '../token-broker-props.ts';
import {
  anything,
  boolean,
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

/** One stage, as `cdk.json` describes it. */
export interface Settings {
  /** Where to deploy to; absent: wherever the credentials of the deployment lead. */
  readonly env: Environment;
  /** Everything the construct takes but constructs. */
  readonly broker: Omit<TokenBrokerProps, 'vpcEndpoints' | 'alarmTopic' | 'code'>;
  readonly callers: readonly CallerSettings[];
  /** ARN of a role or user. */
  readonly administrator: string | undefined;
  readonly alarmTopicArn: string | undefined;
  readonly vpcEndpointIds: readonly string[] | undefined;
}

/** One right of one principal on one account. */
export interface CallerSettings {
  /** ARN of a role or user, of any AWS account. */
  readonly principal: string;
  readonly account: string;
  /** Through the API, or by invoking the function. */
  readonly right: 'grantToken' | 'grantInvoke';
}

/** One role or one user. Never a whole AWS account, whose administrators could then hand the right on. */
const principal = textLike(/^arn:[a-z-]+:iam::\d{12}:(role|user)\/[\w+=,.@/-]+$/);
const noPrincipal = 'is no ARN of a role or a user';

/**
 * Reads the settings of a stage.
 *
 * @param stages the member `stages` of the context
 * @throws Error that lists every fault, each with where it is
 */
export function parseSettings(stages: unknown, stage: string): Settings {
  const settings = membersOf(stages)?.get(stage);
  if (settings === undefined) {
    throw new Error(`the context has no stage "${stage}": name one of its stages with -c stage=…`);
  }
  const faults: string[] = [];
  const parsed = readStage(settings, (fault) => faults.push(fault));
  if (faults.length > 0) {
    throw new Error([`stage "${stage}" cannot be deployed:`, ...faults].join('\n  '));
  }
  return parsed;
}

function readStage(value: unknown, note: Note): Settings {
  const reader = createReader(value, '', note);
  const broker = readBroker(reader, note);
  const settings = {
    broker,
    env: readEnv(reader.optional('env', anything, '') ?? {}, note),
    callers: readCallers(reader.optional('callers', list, 'is no list'), broker.accounts, note),
    administrator: reader.optional('administrator', principal, noPrincipal),
    alarmTopicArn: reader.optional(
      'alarmTopicArn',
      textLike(/^arn:[a-z-]+:sns:[a-z0-9-]+:\d{12}:[\w-]{1,256}$/),
      'is no ARN of an SNS topic',
    ),
    vpcEndpointIds: reader.optional(
      'vpcEndpointIds',
      listOf(textLike(/^vpce-[0-9a-f]{8,17}$/)),
      'is no list of ids of VPC endpoints',
    ),
  };
  regionFaults(settings.env.region, {
    ...arnsOfAccounts(broker.accounts),
    alarmTopicArn: settings.alarmTopicArn,
  }).forEach(note);
  reader.finish();
  return settings;
}

function readBroker(reader: Reader, note: Note): Settings['broker'] {
  const { optional } = reader;
  const accounts = readAccounts(optional('accounts', anything, ''), note);
  const defaultAccount = optional('defaultAccount', textLike(/^/), 'is no account id');
  accountFaults(accounts, defaultAccount).forEach(note);
  return {
    accounts,
    defaultAccount,
    tokenUrl: optional('tokenUrl', httpsUrl, 'is no https URL, or holds credentials'),
    clientId: optional('clientId', textLike(/^[\x21-\x7e]{1,128}$/), 'is no client id'),
    organizationId: optional('organizationId', textLike(/^o-[a-z0-9]{10,32}$/), 'is no id of an organisation'),
    warmUpEvery: readMinutes(optional('warmUpMinutes', wholeNumber(1, 10), 'is no whole number from 1 to 10')),
    ...readLimits(reader, note),
    ...readLogging(reader),
  };
}

function readLimits({ optional }: Reader, note: Note) {
  const aCount = 'is no whole number from 1 to 1000';
  const provisionedConcurrency = optional('provisionedConcurrency', wholeNumber(1, 1000), aCount);
  const reservedConcurrency = optional('reservedConcurrency', wholeNumber(1, 1000), aCount);
  if ((provisionedConcurrency ?? 0) >= (reservedConcurrency ?? Number.POSITIVE_INFINITY)) {
    // What is provisioned serves the alias `http` alone and is taken from what is reserved.
    note('provisionedConcurrency: leaves nothing of reservedConcurrency to the other aliases');
  }
  return {
    provisionedConcurrency,
    reservedConcurrency,
    memorySize: optional('memoryMb', wholeNumber(128, 10_240), 'is no whole number from 128 to 10240'),
    throttle: readThrottle(optional('throttle', anything, ''), note),
  };
}

function readThrottle(value: unknown, note: Note) {
  if (value === undefined) {
    return;
  }
  const reader = createReader(value, 'throttle', note);
  const aRate = 'is no whole number from 1 to 10000';
  const ratePerSecond = reader.required('ratePerSecond', wholeNumber(1, 10_000), aRate);
  const burst = reader.required('burst', wholeNumber(1, 10_000), aRate);
  reader.finish();
  return ratePerSecond === undefined || burst === undefined ? undefined : { ratePerSecond, burst };
}

function readLogging({ optional }: Reader) {
  const choices = oneOf('account-has-role', 'create-role', 'off');
  const retentions = Object.values(RetentionDays).filter((days) => typeof days === 'number');
  return {
    apiGatewayLogging: optional('apiGatewayLogging', choices, 'is none of account-has-role, create-role and off'),
    logRetention: optional('logRetentionDays', oneOf(...retentions), 'is no number of days that CloudWatch offers'),
  };
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
  const account = reader.optional('account', textLike(/^\d{12}$/), 'is no AWS account id');
  const region = reader.optional('region', textLike(/^[a-z]{2,4}(-[a-z]+)+-\d$/), 'is no region');
  reader.finish();
  return { ...(account !== undefined && { account }), ...(region !== undefined && { region }) };
}

function readAccounts(value: unknown, note: Note): Accounts {
  return Object.fromEntries(
    [...(membersOf(value) ?? [])].map(([id, account]) => [id, readAccount(account, `accounts.${id}`, note)]),
  );
}

function readAccount(value: unknown, where: string, note: Note): AccountProps {
  const reader = createReader(value, where, note);
  const account = {
    secretArn: reader.optional('secretArn', textLike(/^/), 'is no ARN'),
    secretKeyArn: reader.optional('secretKeyArn', textLike(/^/), 'is no ARN'),
    keepWarm: reader.optional('keepWarm', boolean, 'is neither true nor false'),
  };
  reader.finish();
  return account;
}

function readCallers(callers: readonly unknown[] = [], accounts: Accounts, note: Note): CallerSettings[] {
  return callers.flatMap((value, index) => {
    const reader = createReader(value, `callers[${index}]`, note);
    const known = listOf(oneOf(...Object.keys(accounts)));
    const arn = reader.required('principal', principal, noPrincipal) ?? '';
    const via = reader.optional('via', oneOf('api', 'invoke'), 'is neither api nor invoke');
    const right = via === 'invoke' ? 'grantInvoke' : 'grantToken';
    const granted = reader.required('accounts', known, 'is no list of configured accounts') ?? [];
    reader.finish();
    return granted.map((account) => ({ principal: arn, account, right }) as const);
  });
}
