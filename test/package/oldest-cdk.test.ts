// The construct from the tarball with the oldest aws-cdk-lib that it names as its peer. `npm run proof`.
import { readFile, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { proof } from '../support/counts.ts';
import { openWorkshop, type Project, type Workshop } from './project.ts';
import { root } from './tarball.ts';
import { hasTools, toolsFolder } from './tools.ts';

/** Packages that are linked find others from where the link is. */
const flags = ['--preserve-symlinks'];
const isRun = proof && (await hasTools('the oldest aws-cdk-lib'));

/** Prints the policies of an app: those that protect the table, the key, the secrets and the API. */
const app = `
  const { App, Stack } = require('aws-cdk-lib');
  const { ArnPrincipal } = require('aws-cdk-lib/aws-iam');
  const { Rule } = require('aws-cdk-lib/aws-events');
  const { Queue } = require('aws-cdk-lib/aws-sqs');
  const { DefinitionBody, StateMachine } = require('aws-cdk-lib/aws-stepfunctions');
  const { BrokerProbe, FegoraRequests, TokenBroker } = require('fegora-token-broker');
  const stack = new Stack(new App({ analyticsReporting: false }), 'S');
  const broker = new TokenBroker(stack, 'B', { accounts: { main: {} } });
  broker.grantToken(new ArnPrincipal('arn:aws:iam::123456789012:role/caller'), 'main');
  broker.grantTokenByTag(new ArnPrincipal('arn:aws:iam::123456789012:role/tenant'), 'fegora-account');
  broker.grantAdmin(new ArnPrincipal('arn:aws:iam::123456789012:role/operator'));
  new BrokerProbe(stack, 'P', { broker, account: 'main' });
  const requests = new FegoraRequests(stack, 'R', { broker, deadLetterQueue: new Queue(stack, 'Q') });
  const request = { method: 'POST', path: '/dte' };
  const ofJsonata = { account: 'main', ...request, queryLanguage: 'JSONata', outputs: '{% $states.result.body %}' };
  const start = requests.task(stack, 'T', ofJsonata).next(requests.task(stack, 'U', { account: 'main', ...request }));
  new StateMachine(stack, 'M', { definitionBody: DefinitionBody.fromChainable(start) });
  const other = new Stack(stack.node.root, 'O');
  const get = requests.task(other, 'V', { account: 'main', method: 'GET', path: '/dte' });
  new StateMachine(other, 'N', { definitionBody: DefinitionBody.fromChainable(get) });
  new Rule(stack, 'E', { eventPattern: { source: ['a'] }, targets: [requests.target('main', request)] });
  const assembly = stack.node.root.synth();
  const resources = ['S', 'O'].flatMap((name) => Object.entries(assembly.getStackByName(name).template.Resources));
  const policies = resources.flatMap(([id, { Type, Properties }]) =>
    ['ResourcePolicy', 'KeyPolicy', 'Policy', 'PolicyDocument'].flatMap((name) =>
      Properties?.[name] === undefined ? [] : [[id, Type, JSON.stringify(Properties[name])]]));
  console.log(JSON.stringify(policies));
`;

describe.runIf(isRun)('the oldest aws-cdk-lib', () => {
  let workshop: Workshop;
  let oldest: Project;
  let newest: Project;

  beforeAll(async () => {
    workshop = await openWorkshop();
    [oldest, newest] = [await workshop.startProject('oldest', {}), await workshop.startProject('newest', {})];
    await symlink(
      join(toolsFolder, 'node_modules/aws-cdk-lib-oldest'),
      join(oldest.folder, 'node_modules/aws-cdk-lib'),
    );
    await symlink(join(root, 'node_modules/constructs'), join(oldest.folder, 'node_modules/constructs'));
  });
  afterAll(() => workshop.close());

  test('is the one that package.json names as the peer', async () => {
    const version = await oldest.run('node', [...flags, '--print', "require('aws-cdk-lib/package.json').version"]);

    const { peerDependencies } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8'));
    expect(`^${version.trim()}`).toBe(peerDependencies['aws-cdk-lib']);
  });

  test('makes the same policies as the newest, so that nothing that protects is lost', async () => {
    const policiesOf = async (project: Project) =>
      JSON.parse(await project.run('node', [...flags, '--eval', app], { NODE_PATH: join(root, 'node_modules') }));
    const policies = await policiesOf(newest);

    expect(policies.map(([, type]: readonly string[]) => type)).toEqual(
      expect.arrayContaining(['AWS::DynamoDB::Table', 'AWS::KMS::Key', 'AWS::SecretsManager::ResourcePolicy']),
    );
    expect(await policiesOf(oldest)).toEqual(policies);
  });
});
