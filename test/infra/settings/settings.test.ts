// Tests the settings of a stage and the faults in them (infra/settings/*.ts and infra/accounts.ts).
import { Duration, RemovalPolicy } from 'aws-cdk-lib';
import { expect, test } from 'vitest';
import { parseSettings } from '../../../infra/settings/settings.ts';
import { arns, context } from '../support/synth.ts';

const main = { accounts: { main: {} } };

/** Returns the faults of a stage, one per line of the error. */
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

test('parseSettings accepts the stage that cdk.json chooses', () => {
  expect(() => parseSettings(context.stages, context.stage)).not.toThrow();
});

test('parseSettings needs no setting except an account', () => {
  expect(parseSettings({ smallest: main }, 'smallest')).toEqual({
    broker: { accounts: { main: {} }, secretPrefix: 'fegora/smallest/' },
    env: {},
    callers: [],
  });
});

test('parseSettings returns every setting when all are given', () => {
  const complete = {
    secretNames: 'from-ids',
    secretPrefix: 'tokens/prod/',
    accounts: {
      main: { keepWarm: false, secretName: 'generated' },
      other: { secretArn: arns.secret, secretKeyArn: arns.secretKey },
    },
    defaultAccount: 'other',
    tokenUrl: 'https://login.example.com/token',
    clientId: 'otherApp',
    loginBudget: { perHour: 20, perDay: 200 },
    renewWith: 'refresh_token',
    organizationId: 'o-exampleorg1',
    callers: [{ principal: arns.foreignCaller, accounts: ['main', 'other'], via: 'invoke' }],
    administrator: arns.administrator,
    alarmTopicArn: arns.topic,
    warmUpMinutes: 3,
    memoryMb: 1024,
    provisionedConcurrency: 1,
    reservedConcurrency: 5,
    throttle: { ratePerSecond: 10, burst: 20 },
    logRetentionDays: 365,
    apiGatewayLogging: 'off',
    alarms: { SlowCalls: 5_000, ClockSkew: false },
    dashboard: false,
    tracing: true,
    removalPolicy: 'destroy',
    encryptionKeyArn: arns.secretKey,
    network: {
      vpcId: 'vpc-01234567',
      subnetIds: ['subnet-01234567', 'subnet-89abcdef'],
      securityGroupIds: ['sg-01234567'],
    },
    domain: { name: 'tokens.example.com', certificateArn: arns.certificate, hostedZoneId: 'Z0123456789' },
    env: { account: '111111111111', region: 'us-east-1' },
  };
  expect(parseSettings({ complete }, 'complete')).toEqual({
    broker: {
      accounts: complete.accounts,
      secretNames: 'from-ids',
      secretPrefix: 'tokens/prod/',
      defaultAccount: 'other',
      tokenUrl: complete.tokenUrl,
      clientId: 'otherApp',
      loginBudget: complete.loginBudget,
      renewWith: 'refresh_token',
      organizationId: 'o-exampleorg1',
      warmUpEvery: Duration.minutes(3),
      memorySize: 1024,
      provisionedConcurrency: 1,
      reservedConcurrency: 5,
      throttle: complete.throttle,
      logRetention: 365,
      apiGatewayLogging: 'off',
      alarms: complete.alarms,
      dashboard: false,
      tracing: true,
      removalPolicy: RemovalPolicy.DESTROY,
    },
    callers: [
      { principal: arns.foreignCaller, account: 'main', right: 'grantInvoke' },
      { principal: arns.foreignCaller, account: 'other', right: 'grantInvoke' },
    ],
    administrator: arns.administrator,
    alarmTopicArns: { urgent: arns.topic, notice: arns.topic },
    encryptionKeyArn: arns.secretKey,
    network: complete.network,
    domain: complete.domain,
    env: complete.env,
  });
});

test('parseSettings returns callers for the account that a tag names, and for all accounts', () => {
  const callers = [
    { principal: arns.foreignCaller, accountTag: 'fegora-account' },
    { principal: arns.directCaller, accounts: 'all', via: 'api' },
  ];
  expect(parseSettings({ stage: { ...main, callers } }, 'stage').callers).toEqual([
    { principal: arns.foreignCaller, right: 'grantTokenByTag', tagKey: 'fegora-account' },
    { principal: arns.directCaller, right: 'grantTokenForAll' },
  ]);
});

test('parseSettings takes every well-formed id of a caller through the API when accounts are open', () => {
  const rightsOf = (caller: object, openAccounts: unknown = true) => {
    const callers = [{ principal: arns.foreignCaller, ...caller }];
    return parseSettings({ stage: { ...main, openAccounts, callers } }, 'stage').callers;
  };
  expect(rightsOf({ accounts: ['main', 'tienda-1'] }, 'with-metrics')).toMatchObject([
    { right: 'grantToken', account: 'main' },
    { right: 'grantToken', account: 'tienda-1' },
  ]);
  expect(rightsOf({ accounts: ['main'], via: 'invoke' })).toMatchObject([{ right: 'grantInvoke', account: 'main' }]);
  for (const refused of [
    () => rightsOf({ accounts: ['Tienda'] }),
    () => rightsOf({ accounts: ['tienda-1', 'tienda-1'] }),
    () => rightsOf({ accounts: ['tienda-1'], via: 'invoke' }),
    () => rightsOf({ accounts: ['tienda-1'] }, false),
  ]) {
    expect(refused).toThrow('callers[0].accounts: must be a list of configured accounts');
  }
});

test('parseSettings returns a topic for each severity, and checks each', () => {
  const topicsOf = (alarmTopicArn: unknown) =>
    parseSettings({ stage: { ...main, alarmTopicArn } }, 'stage').alarmTopicArns;
  expect(topicsOf({ urgent: arns.topic })).toEqual({ urgent: arns.topic, notice: undefined });
  expect(() => topicsOf({ notice: 'alarms', page: arns.topic })).toThrow(
    /alarmTopicArn\.notice: must be the ARN of an SNS topic\n.*alarmTopicArn\.page: is not a setting/,
  );
  const env = { region: 'eu-west-1' };
  expect(() => parseSettings({ stage: { ...main, env, alarmTopicArn: { urgent: arns.topic } } }, 'stage')).toThrow(
    'alarmTopicArn.urgent: is in us-east-1',
  );
});

test('parseSettings returns the VPC endpoints, and whether there are alarms', () => {
  const stage = { ...main, vpcEndpointIds: ['vpce-0123456789abcdef0'], alarms: false, removalPolicy: 'retain' };
  expect(parseSettings({ stage }, 'stage')).toMatchObject({
    vpcEndpointIds: stage.vpcEndpointIds,
    broker: { alarms: false, removalPolicy: RemovalPolicy.RETAIN },
  });
});

test('parseSettings reports all faults at once, each with its path', () => {
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
      loginBudget: { perHour: 251, perday: 9 },
      renewWith: 'refresh',
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
      alarms: { CallsFail: 5, CalsFail: 3, Denied: 0 },
      dashboard: 'no',
      tracing: 1,
      removalPolicy: 'snapshot',
      encryptionKeyArn: 'alias/key',
      network: { vpcId: 'vpc', subnetIds: [], securityGroupIds: ['sg'], zone: 'a' },
      domain: { name: '*.Example.com', certificateArn: 'a certificate', hostedZoneId: 'z' },
      env: { account: '1', region: 'here', zone: 'a' },
    }).sort(),
  ).toMatchInlineSnapshot(`
    [
      "accounts.Main.keepWarm: must be true, false or in-use",
      "accounts.Main: secretArn: must be the complete ARN of a secret, with the six characters at its end",
      "accounts.Main: the id must be up to 63 lower-case letters, digits and hyphens, with no hyphen at the start",
      "accounts.b: secretKeyArn: has no effect without secretArn: add secretArn, or remove it",
      "accounts.b: secretKeyArn: must be the ARN of a key, not of an alias",
      "accounts.d.color: is not a setting: check its spelling",
      "accounts.d: has the same secret as c: give each account its own",
      "accounts.e: must be an object",
      "acounts: is not a setting: check its spelling",
      "administrator: must be the ARN of a role or a user",
      "alarmTopicArn: must be the ARN of an SNS topic",
      "alarms.CallsFail: must be false, or a threshold above 0 and at most 1, the share of calls",
      "alarms.CalsFail: is not a setting: check its spelling",
      "alarms.Denied: must be false, or a threshold above 0",
      "apiGatewayLogging: must be account-has-role, create-role or off",
      "callers[0].accounts: must be a list of configured accounts, each only once, or "all"",
      "callers[0].principal: must be the ARN of a role or a user",
      "callers[0].via: must be api or invoke",
      "callers[1].accounts: must be a list of configured accounts, each only once, or "all"",
      "callers[1].principal: must be the ARN of a role or a user",
      "callers[1]: must be an object",
      "clientId: must be a text of 1 to 128 visible ASCII characters",
      "dashboard: must be true or false",
      "defaultAccount: must be one of the accounts",
      "domain.certificateArn: must be the ARN of a certificate",
      "domain.hostedZoneId: must be the id of a hosted zone",
      "domain.name: must be a host name in lower case",
      "encryptionKeyArn: must be the ARN of a key, not of an alias",
      "env.account: must be an AWS account id of 12 digits",
      "env.region: must be an AWS region",
      "env.zone: is not a setting: check its spelling",
      "logRetentionDays: must be a number of days that CloudWatch Logs offers",
      "loginBudget.perDay: must be a whole number from 1 to 250",
      "loginBudget.perHour: must be a whole number from 1 to 250",
      "loginBudget.perday: is not a setting: check its spelling",
      "memoryMb: must be a whole number from 128 to 10240",
      "network.securityGroupIds: must be a list of ids of security groups",
      "network.subnetIds: must be a list of ids of private subnets",
      "network.vpcId: must be the id of a VPC",
      "network.zone: is not a setting: check its spelling",
      "organizationId: must be the id of an AWS organisation, o-…",
      "provisionedConcurrency: must be lower than reservedConcurrency, so that the other aliases have environments too",
      "removalPolicy: must be retain or destroy",
      "renewWith: must be password or refresh_token",
      "throttle.burst: must be a whole number from 1 to 10000",
      "throttle.ratePerSecond: must be a whole number from 1 to 10000",
      "tokenUrl: must be an https URL without credentials",
      "tracing: must be true or false",
      "vpcEndpointIds: must be a list of ids of VPC endpoints, each id only once",
      "warmUpMinutes: must be a whole number from 1 to 10",
    ]
  `);
});

test.each([
  ['no accounts', {}, 'accounts: must have at least one account (the CDK drops the ids constructor and prototype)'],
  [
    'an account that no construct can be named after',
    { accounts: { constructor: {} } },
    'accounts.constructor: the CDK cannot take this id: choose another',
  ],
  [
    'an account that the CDK drops',
    { accounts: { prototype: {}, main: {} } },
    'accounts.prototype: the CDK cannot take this id: choose another',
  ],
  ['callers that are not a list', { ...main, callers: {} }, 'callers: must be a list'],
  [
    'a caller without accounts',
    { ...main, callers: [{ principal: arns.foreignCaller }] },
    'callers[0].accounts: must be a list of configured accounts, each only once, or "all"',
  ],
  [
    'a wildcard among callers',
    { ...main, callers: [{ principal: 'arn:aws:iam::222222222222:role/*', accounts: ['main'] }] },
    'callers[0].principal: must be the ARN of a role or a user',
  ],
  [
    'accounts beside a tag that names the account',
    { ...main, callers: [{ principal: arns.foreignCaller, accountTag: 'fegora-account', accounts: ['main'] }] },
    'callers[0].accounts: the tag names the account: remove accounts or accountTag',
  ],
  [
    'a key that no policy variable can name',
    { ...main, callers: [{ principal: arns.foreignCaller, accountTag: 'fegora}/*' }] },
    'callers[0].accountTag: must be the key of a tag: up to 128 letters from a to z, digits and _ . : / = + - @, without spaces',
  ],
  [
    'direct invocation for all accounts',
    { ...main, callers: [{ principal: arns.foreignCaller, accounts: 'all', via: 'invoke' }] },
    'callers[0].via: invoke is for a list of accounts, because each account has its own alias: use api',
  ],
  [
    'an ARN without its last six characters',
    { accounts: { main: { secretArn: 'arn:aws:secretsmanager:us-east-1:111111111111:secret:fegora/main' } } },
    'accounts.main: secretArn: must be the complete ARN of a secret, with the six characters at its end',
  ],
  [
    'credentials in the URL',
    { ...main, tokenUrl: 'https://user:pass@api.fegora.com/token' },
    'tokenUrl: must be an https URL without credentials',
  ],
  [
    'as many provisioned as reserved environments, which leave none to warm-ups and direct callers',
    { ...main, provisionedConcurrency: 5, reservedConcurrency: 5 },
    'provisionedConcurrency: must be lower than reservedConcurrency, so that the other aliases have environments too',
  ],
  [
    'a topic for alarms that do not exist',
    { ...main, alarms: false, alarmTopicArn: arns.topic },
    'alarmTopicArn: has no effect without alarms: remove one of the two',
  ],
  [
    'a host name for a private API',
    {
      ...main,
      domain: { name: 'tokens.example.com', certificateArn: arns.certificate },
      vpcEndpointIds: ['vpce-0123456789abcdef0'],
    },
    'domain: a private API has no public name: remove domain or vpcEndpointIds',
  ],
  [
    'a VPC without subnets',
    { ...main, network: { vpcId: 'vpc-01234567' } },
    'network.subnetIds: must be a list of ids of private subnets',
  ],
  ['alarms that are a text', { ...main, alarms: 'off' }, 'alarms: must be an object'],
  [
    'an account with the name of a prototype',
    { accounts: { __proto__x: {} } },
    'accounts.__proto__x: the id must be up to 63 lower-case letters, digits and hyphens, with no hyphen at the start',
  ],
])('parseSettings refuses %s', (_, stage, fault) => {
  expect(faultsOf(stage)).toEqual([fault]);
});

test('parseSettings refuses a topic, a secret or a key of another region when the region of the stack is known', () => {
  const stage = {
    accounts: { main: { secretArn: arns.secret, secretKeyArn: arns.secretKey } },
    alarmTopicArn: arns.topic,
    encryptionKeyArn: arns.secretKey,
    domain: { name: 'tokens.example.com', certificateArn: arns.certificate },
  };
  expect(faultsOf({ ...stage, env: { region: 'eu-west-1' } })).toEqual([
    'accounts.main.secretArn: is in us-east-1, but the stack is in eu-west-1: both must be in the same region',
    'accounts.main.secretKeyArn: is in us-east-1, but the stack is in eu-west-1: both must be in the same region',
    'alarmTopicArn: is in us-east-1, but the stack is in eu-west-1: both must be in the same region',
    'encryptionKeyArn: is in us-east-1, but the stack is in eu-west-1: both must be in the same region',
    'domain.certificateArn: is in us-east-1, but the stack is in eu-west-1: both must be in the same region',
  ]);
  expect(faultsOf({ ...stage, env: { region: 'us-east-1' } })).toEqual([]);
  expect(faultsOf(stage)).toEqual([]);
});

test.each(['us-east-1', 'ap-southeast-2', 'us-gov-west-1', 'eusc-de-east-1'])(
  'parseSettings accepts the region %s',
  (region) => {
    expect(parseSettings({ stage: { ...main, env: { region } } }, 'stage').env).toEqual({ region });
  },
);

test('parseSettings names the stage when it is absent', () => {
  expect(() => parseSettings({ dev: main }, 'prod')).toThrow('no stage "prod"');
  expect(() => parseSettings(undefined, 'prod')).toThrow('no stage "prod"');
});
