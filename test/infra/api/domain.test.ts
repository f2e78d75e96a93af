// Tests the host name of the API (infra/api/domain.ts and tls.ts).
import { Stack } from 'aws-cdk-lib';
import { Match, Template } from 'aws-cdk-lib/assertions';
import { expect, test } from 'vitest';
import { createApp } from '../support/synth.ts';
import { createBroker, env, importDomain } from '../support/user-app.ts';

function build(isInRoute53 = true) {
  const stack = new Stack(createApp(), 'Stack', { env });
  const { hostedZone, ...domain } = importDomain(stack);
  const broker = createBroker(stack, { domainName: { ...domain, ...(isInRoute53 && { hostedZone }) } });
  return { stack, broker, template: Template.fromStack(stack) };
}

test('the host name is regional, with the TLS versions of the API, and maps to the stage', () => {
  const { template } = build();
  const tls = { SecurityPolicy: 'SecurityPolicy_TLS13_1_2_PFS_PQ_2025_09', EndpointAccessMode: 'STRICT' };
  template.hasResourceProperties('AWS::ApiGateway::DomainName', {
    DomainName: 'tokens.example.com',
    EndpointConfiguration: { Types: ['REGIONAL'] },
    ...tls,
  });
  template.hasResourceProperties('AWS::ApiGateway::RestApi', tls);
  template.hasResourceProperties('AWS::ApiGateway::BasePathMapping', {
    BasePath: Match.absent(),
    Stage: { Ref: Match.stringLikeRegexp('Stagev1') },
  });
});

test('the url is the host name without the stage, and callers are connected to it', () => {
  expect(build().broker.url).toBe('https://tokens.example.com/');
});

test('the record in Route 53 points to the API when there is a hosted zone, and is absent otherwise', () => {
  const { template } = build();
  template.hasResourceProperties('AWS::Route53::RecordSet', {
    Name: 'tokens.example.com.',
    Type: 'A',
    HostedZoneId: 'Z1',
    AliasTarget: { DNSName: { 'Fn::GetAtt': [Match.anyValue(), 'RegionalDomainName'] } },
  });
  const outside = build(false);
  outside.template.resourceCountIs('AWS::Route53::RecordSet', 0);
  expect(outside.stack.resolve(outside.broker.domainTarget)).toEqual({
    'Fn::GetAtt': [expect.any(String), 'RegionalDomainName'],
  });
});

test('the rights of a caller are on the API, whatever its host name is', () => {
  const { stack, broker } = build();
  const paths = broker.api.arnForExecuteApi('POST', '/token/main', 'v1');
  expect(JSON.stringify(stack.resolve(paths))).toContain('/v1/POST/token/main');
});
