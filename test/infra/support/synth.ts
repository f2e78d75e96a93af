// Synthesises templates of the stack, with four settings. Called by the tests of infra.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { App } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import { Code } from 'aws-cdk-lib/aws-lambda';
import { afterAll } from 'vitest';
import { parseSettings } from '../../../infra/settings/settings.ts';
import { TokenBrokerStack } from '../../../infra/stack.ts';

/** The context of `cdk.json`, so that the templates are those of the CDK CLI. */
export const { context } = JSON.parse(readFileSync(new URL('../../../cdk.json', import.meta.url), 'utf8'));

/** Folder with an empty handler. It replaces the bundle of the function, whose content these tests do not need. */
export const bundle = fileURLToPath(new URL('./bundle', import.meta.url));

/** Made-up ARNs that the settings and the tests name. */
export const arns = {
  foreignCaller: 'arn:aws:iam::222222222222:role/invoicing/Invoicer',
  directCaller: 'arn:aws:iam::111111111111:role/Reports',
  administrator:
    'arn:aws:iam::111111111111:role/aws-reserved/sso.amazonaws.com/AWSReservedSSO_Operators_0123456789abcdef',
  secret: 'arn:aws:secretsmanager:us-east-1:111111111111:secret:fegora/nit-2-AbCdEf',
  secretKey: 'arn:aws:kms:us-east-1:111111111111:key/00000000-0000-4000-8000-000000000000',
  topic: 'arn:aws:sns:us-east-1:111111111111:alarms',
  certificate: 'arn:aws:acm:us-east-1:111111111111:certificate/00000000-0000-4000-8000-000000000000',
} as const;

/** Settings of the stages that must synthesise. */
export const stages = {
  minimal: { accounts: { main: {} } },
  full: {
    accounts: {
      main: {},
      'nit-2': { secretArn: arns.secret, secretKeyArn: arns.secretKey, keepWarm: false },
    },
    defaultAccount: 'main',
    env: { account: '111111111111', region: 'us-east-1' },
    organizationId: 'o-exampleorg1',
    callers: [
      { principal: arns.foreignCaller, accounts: ['main'] },
      { principal: arns.directCaller, accounts: ['nit-2'], via: 'invoke' },
    ],
    administrator: arns.administrator,
    alarmTopicArn: arns.topic,
    reservedConcurrency: 20,
    provisionedConcurrency: 2,
    apiGatewayLogging: 'create-role',
  },
  private: {
    accounts: { main: {} },
    vpcEndpointIds: ['vpce-0123456789abcdef0'],
    callers: [{ principal: arns.directCaller, accounts: ['main'] }],
    apiGatewayLogging: 'off',
  },
  network: {
    accounts: { main: {} },
    env: { account: '111111111111', region: 'us-east-1' },
    network: { vpcId: 'vpc-01234567', subnetIds: ['subnet-01234567', 'subnet-89abcdef'] },
    domain: { name: 'tokens.example.com', certificateArn: arns.certificate, hostedZoneId: 'Z0123456789' },
    encryptionKeyArn: arns.secretKey,
    removalPolicy: 'destroy',
    alarms: { ClockSkew: false },
    warmUpsAtOnce: 20,
    tracing: true,
  },
} as const;

export type StageName = keyof typeof stages;

const outdir = mkdtempSync(join(tmpdir(), 'infra-'));
afterAll(() => rmSync(outdir, { recursive: true, force: true }));
let apps = 0;

/** Returns a new app. By default the app does not validate its templates, because that takes most of the time. */
export function createApp({ isChecked = false } = {}): App {
  apps += 1;
  return new App({
    outdir: join(outdir, String(apps)),
    context: { ...context, ...(!isChecked && { '@aws-cdk/core:annotationsInValidationReport': false }) },
    builtinCloudFormationValidation: isChecked,
    analyticsReporting: false,
  });
}

/** Returns the stack of a stage. */
export function createStack(app: App, stage: StageName): TokenBrokerStack {
  return new TokenBrokerStack(app, `Broker-${stage}`, {
    ...parseSettings(stages, stage),
    code: Code.fromAsset(bundle),
  });
}

const templates = {
  minimal: () => createStack(createApp(), 'minimal'),
  full: () => createStack(createApp(), 'full'),
  private: () => createStack(createApp(), 'private'),
  network: () => createStack(createApp(), 'network'),
};

export type TemplateName = keyof typeof templates;
export const templateNames = ['minimal', 'full', 'private', 'network'] as const satisfies readonly TemplateName[];

/** Returns the template of a stage with these settings. */
export function templateWith(settings: object): Template {
  const stack = new TokenBrokerStack(createApp(), 'Broker', {
    ...parseSettings({ stage: settings }, 'stage'),
    code: Code.fromAsset(bundle),
  });
  return Template.fromStack(stack);
}

const synthesised = new Map<TemplateName, Template>();

/** Returns a template. Each test file synthesises it only once. */
export function templateOf(name: TemplateName): Template {
  const template = synthesised.get(name) ?? Template.fromStack(templates[name]());
  synthesised.set(name, template);
  return template;
}
