// Builds an app as a user would, with every prop of the constructs. Called by the tests of the public API.
import { type App, RemovalPolicy, Stack } from 'aws-cdk-lib';
import { Certificate } from 'aws-cdk-lib/aws-certificatemanager';
import { InterfaceVpcEndpoint, Vpc } from 'aws-cdk-lib/aws-ec2';
import { EventField, Rule } from 'aws-cdk-lib/aws-events';
import { Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { Key } from 'aws-cdk-lib/aws-kms';
import { Code, Function as LambdaFunction, Runtime } from 'aws-cdk-lib/aws-lambda';
import { HostedZone } from 'aws-cdk-lib/aws-route53';
import { Topic } from 'aws-cdk-lib/aws-sns';
import { Queue } from 'aws-cdk-lib/aws-sqs';
import { BrokerProbe, FegoraRequests, TokenBroker, type TokenBrokerProps } from '../../../infra/index.ts';
import { arns, bundle } from './synth.ts';

/** AWS account and region of the stacks. The ARNs of synth.ts are in them. */
export const env = { account: '111111111111', region: 'us-east-1' } as const;

/** Returns the bundle that stands for a real one. */
export function code(): Code {
  return Code.fromAsset(bundle);
}

/** Returns a broker with one account, and the given props. */
export function createBroker(stack: Stack, more: Partial<TokenBrokerProps> = {}): TokenBroker {
  return new TokenBroker(stack, 'Broker', { accounts: { main: {} }, code: code(), ...more });
}

/** Returns a function of the user, with a role that has no right yet. */
export function createFunction(stack: Stack, id: string): LambdaFunction {
  const role = new Role(stack, `${id}Role`, { assumedBy: new ServicePrincipal('lambda.amazonaws.com') });
  return new LambdaFunction(stack, id, { code: code(), handler: 'index.handler', runtime: Runtime.NODEJS_24_X, role });
}

/** Returns a VPC with two private subnets that have a way out, two public ones and two isolated ones. */
export function importVpc(stack: Stack) {
  return Vpc.fromVpcAttributes(stack, 'Vpc', {
    vpcId: 'vpc-0123456789abcdef0',
    availabilityZones: ['us-east-1a', 'us-east-1b'],
    publicSubnetIds: ['subnet-public-a', 'subnet-public-b'],
    privateSubnetIds: ['subnet-private-a', 'subnet-private-b'],
    isolatedSubnetIds: ['subnet-isolated-a', 'subnet-isolated-b'],
  });
}

/** Returns a host name with a certificate and a zone. */
export function importDomain(stack: Stack) {
  return {
    name: 'tokens.example.com',
    certificate: Certificate.fromCertificateArn(stack, 'Certificate', arns.certificate),
    hostedZone: HostedZone.fromHostedZoneAttributes(stack, 'Zone', { hostedZoneId: 'Z1', zoneName: 'example.com' }),
  };
}

/** Adds brokers with every prop and kind of use to the app. */
export function createUserStacks(app: App): Stack[] {
  return [withEveryProp(app), withPrivateApi(app), withImport(app)];
}

function withEveryProp(app: App): Stack {
  const stack = new Stack(app, 'EveryProp', { env });
  const vpc = importVpc(stack);
  const broker = createBroker(stack, {
    vpc,
    encryptionKey: new Key(stack, 'Key', { enableKeyRotation: true }),
    removalPolicy: RemovalPolicy.DESTROY,
    openAccounts: true,
    alarms: { Throttles: 3 },
    domainName: importDomain(stack),
    tracing: true,
    apiGatewayLogging: 'create-role',
    organizationId: 'o-exampleorg1',
    alarmTopic: Topic.fromTopicArn(stack, 'Topic', arns.topic),
    reservedConcurrency: 20,
    provisionedConcurrency: 2,
  });
  broker.connect(createFunction(stack, 'Caller'), 'main');
  broker.grantAdmin(createFunction(stack, 'Operator'));
  new BrokerProbe(stack, 'Probe', { broker, account: 'main', code: code() });
  const deadLetterQueue = new Queue(stack, 'Failed', { enforceSSL: true });
  const requests = new FegoraRequests(stack, 'Requests', { broker, code: code(), vpc, deadLetterQueue });
  const targets = [requests.target('main', { method: 'POST', path: '/dte', body: EventField.fromPath('$.detail') })];
  new Rule(stack, 'Rule', { eventPattern: { source: ['invoices'] }, targets });
  return stack;
}

function withPrivateApi(app: App): Stack {
  const stack = new Stack(app, 'PrivateApi', { env });
  const endpoint = { vpcEndpointId: 'vpce-0123456789abcdef0', port: 443 };
  const broker = createBroker(stack, {
    vpcEndpoints: [InterfaceVpcEndpoint.fromInterfaceVpcEndpointAttributes(stack, 'Endpoint', endpoint)],
    apiGatewayLogging: 'off',
    alarms: false,
    dashboard: false,
  });
  broker.connect(createFunction(stack, 'Caller'), 'main', { via: 'invoke' });
  return stack;
}

function withImport(app: App): Stack {
  const stack = new Stack(app, 'Import', { env });
  const broker = TokenBroker.fromAttributes(stack, 'Broker', {
    functionArn: `arn:aws:lambda:${env.region}:${env.account}:function:broker`,
    apiId: 'abcde12345',
    accounts: ['main'],
  });
  broker.connect(createFunction(stack, 'Caller'), 'main');
  new BrokerProbe(stack, 'Probe', { broker, account: 'main', via: 'invoke', code: code() });
  const requests = new FegoraRequests(stack, 'Requests', { broker, code: code() });
  requests.grantInvoke(createFunction(stack, 'Operator'), 'main');
  return stack;
}
