import { Duration } from 'aws-cdk-lib';
import { expect, test } from 'vitest';
import { parseSettings } from '../../../infra/settings/settings.ts';
import { arns, context } from '../support/synth.ts';

const main = { accounts: { main: {} } };

function faultsOf(stage: unknown): string[] {
  try {
    parseSettings({ stage }, 'stage');
    return [];
  } catch (error) {
    return String(error)
      .split('\n')
      .slice(1)
      .map((line) => line.trim());
  }
}

test('the stage that cdk.json chooses can be deployed', () => {
  expect(() => parseSettings(context.stages, context.stage)).not.toThrow();
});

test('the least there is to say is an account', () => {
  expect(parseSettings({ least: main }, 'least')).toEqual({
    broker: { accounts: { main: {} } },
    env: {},
    callers: [],
  });
});

test('everything that can be said is understood', () => {
  const said = {
    accounts: { main: { keepWarm: false }, other: { secretArn: arns.secret, secretKeyArn: arns.secretKey } },
    defaultAccount: 'other',
    tokenUrl: 'https://login.example.com/token',
    clientId: 'otherApp',
    organizationId: 'o-exampleorg1',
    callers: [{ principal: arns.foreignCaller, accounts: ['main', 'other'], via: 'invoke' }],
    administrator: arns.administrator,
    alarmTopicArn: arns.topic,
    vpcEndpointIds: ['vpce-0123456789abcdef0'],
    warmUpMinutes: 3,
    memoryMb: 1024,
    provisionedConcurrency: 1,
    reservedConcurrency: 5,
    throttle: { ratePerSecond: 10, burst: 20 },
    logRetentionDays: 365,
    apiGatewayLogging: 'off',
    env: { account: '111111111111', region: 'us-east-1' },
  };
  expect(parseSettings({ said }, 'said')).toEqual({
    broker: {
      accounts: said.accounts,
      defaultAccount: 'other',
      tokenUrl: said.tokenUrl,
      clientId: 'otherApp',
      organizationId: 'o-exampleorg1',
      warmUpEvery: Duration.minutes(3),
      memorySize: 1024,
      provisionedConcurrency: 1,
      reservedConcurrency: 5,
      throttle: said.throttle,
      logRetention: 365,
      apiGatewayLogging: 'off',
    },
    callers: [
      { principal: arns.foreignCaller, account: 'main', right: 'grantInvoke' },
      { principal: arns.foreignCaller, account: 'other', right: 'grantInvoke' },
    ],
    administrator: arns.administrator,
    alarmTopicArn: arns.topic,
    vpcEndpointIds: said.vpcEndpointIds,
    env: said.env,
  });
});

test('every fault is reported at once, with where it is', () => {
  expect(
    faultsOf({
      acounts: {},
      accounts: {
        Main: { secretArn: 'fegora/main', keepWarm: 'yes' },
        b: { secretKeyArn: 'a key' },
        c: { secretArn: arns.secret },
        d: { secretArn: arns.secret, color: 'red' },
        e: 3,
      },
      defaultAccount: 'z',
      tokenUrl: 'http://api.fegora.com/token',
      clientId: 'two words',
      organizationId: 'example',
      callers: [{ principal: '*', accounts: ['z'], via: 'mail' }, 3],
      administrator: 'arn:aws:iam::111111111111:root',
      alarmTopicArn: 'alarms',
      vpcEndpointIds: [],
      warmUpMinutes: 60,
      memoryMb: 64,
      provisionedConcurrency: 2,
      reservedConcurrency: 1,
      throttle: { burst: 0 },
      logRetentionDays: 2,
      apiGatewayLogging: 'on',
      env: { account: '1', region: 'here', zone: 'a' },
    }).sort(),
  ).toMatchInlineSnapshot(`
    [
      "accounts.Main.keepWarm: is neither true nor false",
      "accounts.Main: an id is up to 63 lower-case letters, digits and hyphens",
      "accounts.Main: secretArn: is no complete ARN of a secret, with the six characters at its end",
      "accounts.b: secretKeyArn: is no ARN of a key",
      "accounts.b: secretKeyArn: is of no use without secretArn",
      "accounts.d.color: is no setting",
      "accounts.d: has the secret of c",
      "accounts.e: is no object",
      "acounts: is no setting",
      "administrator: is no ARN of a role or a user",
      "alarmTopicArn: is no ARN of an SNS topic",
      "apiGatewayLogging: is none of account-has-role, create-role and off",
      "callers[0].accounts: is no list of configured accounts",
      "callers[0].principal: is no ARN of a role or a user",
      "callers[0].via: is neither api nor invoke",
      "callers[1].accounts: is no list of configured accounts",
      "callers[1].principal: is no ARN of a role or a user",
      "callers[1]: is no object",
      "clientId: is no client id",
      "defaultAccount: is not one of the accounts",
      "env.account: is no AWS account id",
      "env.region: is no region",
      "env.zone: is no setting",
      "logRetentionDays: is no number of days that CloudWatch offers",
      "memoryMb: is no whole number from 128 to 10240",
      "organizationId: is no id of an organisation",
      "provisionedConcurrency: leaves nothing of reservedConcurrency to the other aliases",
      "throttle.burst: is no whole number from 1 to 10000",
      "throttle.ratePerSecond: is no whole number from 1 to 10000",
      "tokenUrl: is no https URL, or holds credentials",
      "vpcEndpointIds: is no list of ids of VPC endpoints",
      "warmUpMinutes: is no whole number from 1 to 10",
    ]
  `);
});

test.each([
  ['no accounts', {}, 'accounts: at least one is needed'],
  ['callers that are no list', { ...main, callers: {} }, 'callers: is no list'],
  [
    'a caller without accounts',
    { ...main, callers: [{ principal: arns.foreignCaller }] },
    'callers[0].accounts: is no list of configured accounts',
  ],
  [
    'a wildcard among callers',
    { ...main, callers: [{ principal: 'arn:aws:iam::222222222222:role/*', accounts: ['main'] }] },
    'callers[0].principal: is no ARN of a role or a user',
  ],
  [
    'an ARN without its last six characters',
    { accounts: { main: { secretArn: 'arn:aws:secretsmanager:us-east-1:111111111111:secret:fegora/main' } } },
    'accounts.main: secretArn: is no complete ARN of a secret, with the six characters at its end',
  ],
  [
    'credentials in the URL',
    { ...main, tokenUrl: 'https://user:pass@api.fegora.com/token' },
    'tokenUrl: is no https URL, or holds credentials',
  ],
  [
    'as much provisioned as reserved: warm-ups and direct callers would have no environment to run in',
    { ...main, provisionedConcurrency: 5, reservedConcurrency: 5 },
    'provisionedConcurrency: leaves nothing of reservedConcurrency to the other aliases',
  ],
  [
    'an account named like a prototype',
    { accounts: { __proto__x: {} } },
    'accounts.__proto__x: an id is up to 63 lower-case letters, digits and hyphens',
  ],
])('%s: refused', (_, stage, fault) => {
  expect(faultsOf(stage)).toEqual([fault]);
});

test('a topic, a secret or a key of another region than the stack is a fault, where that region is known', () => {
  const stage = {
    accounts: { main: { secretArn: arns.secret, secretKeyArn: arns.secretKey } },
    alarmTopicArn: arns.topic,
  };
  expect(faultsOf({ ...stage, env: { region: 'eu-west-1' } })).toEqual([
    'accounts.main.secretArn: is in us-east-1, the stack in eu-west-1',
    'accounts.main.secretKeyArn: is in us-east-1, the stack in eu-west-1',
    'alarmTopicArn: is in us-east-1, the stack in eu-west-1',
  ]);
  expect(faultsOf({ ...stage, env: { region: 'us-east-1' } })).toEqual([]);
  expect(faultsOf(stage)).toEqual([]);
});

test.each(['us-east-1', 'ap-southeast-2', 'us-gov-west-1', 'eusc-de-east-1'])('%s is a region', (region) => {
  expect(parseSettings({ stage: { ...main, env: { region } } }, 'stage').env).toEqual({ region });
});

test('a stage that is not there is named', () => {
  expect(() => parseSettings({ dev: main }, 'prod')).toThrow('no stage "prod"');
  expect(() => parseSettings(undefined, 'prod')).toThrow('no stage "prod"');
});
