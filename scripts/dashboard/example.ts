// Creates the stack whose dashboard the picture shows. Called by dashboard-picture.ts and its tests.
import { App, type Stack } from 'aws-cdk-lib';
import { Code } from 'aws-cdk-lib/aws-lambda';
import { parseSettings } from '../../infra/settings/settings.ts';
import { TokenBrokerStack } from '../../infra/stack.ts';

/** The accounts of the example. */
export const accounts = ['main', 'bakery', 'clinic', 'hardware', 'hotel', 'school'];

/** Returns a stack with some accounts. It is not synthesised, and its function has no code. */
export function exampleStack(ids: readonly string[] = accounts): Stack {
  const settings = { accounts: Object.fromEntries(ids.map((id) => [id, {}])) };
  const app = new App({ analyticsReporting: false });
  return new TokenBrokerStack(app, 'Broker', {
    ...parseSettings({ example: settings }, 'example'),
    code: Code.fromInline('-'),
  });
}
