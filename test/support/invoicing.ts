// Renders the states of the workflow of examples/step-functions. Used by the tests of the example and of its states.
import { Stack } from 'aws-cdk-lib';
import { Code } from 'aws-cdk-lib/aws-lambda';
import { StateGraph } from 'aws-cdk-lib/aws-stepfunctions';
import { FegoraRequests, TokenBroker } from '../../infra/index.ts';
import { loadExample } from './examples.ts';

/**
 * Returns the states and where they start.
 *
 * @param account the account of the workflow
 * @param aliasArn what the states invoke
 */
export async function invoicingGraph(account: string, aliasArn: string) {
  const { invoicingStates } = await loadExample('step-functions/lib/invoicing-definition.ts');
  const stack = new Stack();
  const functionArn = 'arn:aws:lambda:us-east-1:000000000000:function:fegora-token-broker';
  const broker = TokenBroker.fromAttributes(stack, 'Broker', { functionArn, apiId: 'abcde12345', accounts: [account] });
  const requests = new FegoraRequests(stack, 'Requests', { broker, code: Code.fromInline('-') });
  const graph = new StateGraph(invoicingStates(stack, { requests, account }), 'The workflow').toGraphJson();
  const alias = JSON.stringify(stack.resolve(requests.aliasOf(account).functionArn));
  return JSON.parse(JSON.stringify(stack.resolve(graph)).replaceAll(alias, JSON.stringify(aliasArn)));
}
