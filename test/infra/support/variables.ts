// Renders the environment variables of the function in a template as they could be in AWS. Called by the tests of infra.
import { asJson } from './statements.ts';

/** Returns the variables by name. Each reference to a secret is replaced by an ARN that the secret could have, and that to a queue by a URL. */
export function variablesIn(resources: unknown): Record<string, string> {
  const broker = Object.values(asJson(resources)).find((resource) => {
    const { Type, Properties } = asJson(resource);
    return Type === 'AWS::Lambda::Function' && 'Environment' in asJson(Properties);
  });
  const { Environment } = asJson(asJson(broker).Properties);
  const variables = Object.entries(asJson(asJson(Environment).Variables));
  return Object.fromEntries(variables.map(([name, value]) => [name, render(value)]));
}

const pseudo: Readonly<Record<string, string>> = {
  'AWS::Partition': 'aws',
  'AWS::Region': 'us-east-1',
  'AWS::AccountId': '111111111111',
};

function render(value: unknown): string {
  if (typeof value === 'string') {
    return value;
  }
  const { Ref: ref, 'Fn::Join': join, 'Fn::Select': select } = asJson(value);
  if (Array.isArray(join)) {
    return join[1].map(render).join(join[0]);
  }
  if (Array.isArray(select)) {
    const [index, { 'Fn::Split': split }] = select;
    return render(split[1]).split(split[0])[index] ?? '';
  }
  if (String(ref).includes('Queue')) {
    return `https://sqs.us-east-1.amazonaws.com/111111111111/${String(ref)}`;
  }
  return pseudo[String(ref)] ?? `arn:aws:secretsmanager:us-east-1:111111111111:secret:${String(ref)}-AbCdEf`;
}
