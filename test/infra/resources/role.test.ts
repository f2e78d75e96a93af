// Tests the role of the function, whose rights on data are bound to the function (infra/resources/role.ts).
import { expect, test } from 'vitest';
import { asJson, resourcesOf, statementsOf } from '../support/statements.ts';
import { templateNames, templateOf } from '../support/synth.ts';

const sid = 'DataForTheFunctionAlone';

test.each(templateNames)('the role has no right on data outside of the function in stage %s', (name) => {
  const [denial, ...others] = statementsOf(templateOf(name)).filter((statement) => statement.sid === sid);
  expect(others).toEqual([]);
  expect(denial).toMatchObject({
    type: 'AWS::IAM::Policy',
    effect: 'Deny',
    actions: [
      'dynamodb:GetItem',
      ...(name === 'network' ? ['dynamodb:Query'] : []),
      ...['dynamodb:UpdateItem', 'secretsmanager:GetSecretValue'],
    ],
    resources: ['*'],
    condition: 'ArnNotEquals=lambda:SourceFunctionArn={BrokerFunction6D239162.Arn}, {BrokerFunction6D239162.Arn}:*',
  });
});

test('the Deny covers every right of the role on data, and no right that Lambda itself uses', () => {
  const ofRole = statementsOf(templateOf('network')).filter(({ logicalId }) =>
    /^BrokerRoleDefaultPolicy/.test(logicalId),
  );
  const allowed = ofRole.filter(({ effect }) => effect === 'Allow').flatMap(({ actions }) => actions);
  const denied = statementsOf(templateOf('network')).find((statement) => statement.sid === sid)?.actions ?? [];
  expect(allowed.filter((action) => /^(dynamodb|secretsmanager):/.test(action)).sort()).toEqual([...denied].sort());
  // Lambda writes the log, and the services call KMS: AWS does not document the key for all of these requests.
  expect(denied.filter((action) => /^(ec2|kms|logs|xray):/.test(action))).toEqual([]);
});

test('the function waits for its rights and not for the Deny, so no update leaves it without a right', () => {
  const resources = resourcesOf(templateOf('minimal'));
  const [denyId = ''] = Object.keys(resources).filter((id) => id.startsWith(`Broker${sid}`));
  const { DependsOn } = asJson(resources.BrokerFunction6D239162);
  expect(DependsOn).toEqual(['BrokerRoleDefaultPolicyE26B2AA7', 'BrokerRole4C55516F']);
  expect(asJson(resources[denyId]).DependsOn).toBeUndefined();
  expect(JSON.stringify(resources.BrokerRoleDefaultPolicyE26B2AA7)).not.toContain('SourceFunctionArn');
});
