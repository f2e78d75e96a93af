// Runs a state of JSONata with the real function. aws-local-stepfunctions has no JSONata, so the test evaluates its expressions.
import { Stack } from 'aws-cdk-lib';
import { Code } from 'aws-cdk-lib/aws-lambda';
import { QueryLanguage, StateGraph } from 'aws-cdk-lib/aws-stepfunctions';
import jsonata from 'jsonata';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { FegoraRequests, type FegoraTaskProps, TokenBroker } from '../../../infra/index.ts';
import { type RequestsSystem, startRequestsSystem } from '../../support/fegora/requests-system.ts';

let system: RequestsSystem;
beforeEach(async () => {
  system = await startRequestsSystem();
});
afterEach(() => system.close());

/** The state as Step Functions gets it. */
function stateOf(props: Omit<FegoraTaskProps, 'account'>): Readonly<Record<string, unknown>> {
  const stack = new Stack();
  const attributes = { functionArn: 'arn:aws:lambda:us-east-1:000000000000:function:broker', apiId: 'abcde12345' };
  const broker = TokenBroker.fromAttributes(stack, 'Broker', { ...attributes, accounts: ['one'] });
  const requests = new FegoraRequests(stack, 'Requests', { broker, code: Code.fromInline('-') });
  const task = requests.task(stack, 'Task', { account: 'one', queryLanguage: QueryLanguage.JSONATA, ...props });
  return stack.resolve(new StateGraph(task, 'The workflow').toGraphJson()).States.Task;
}

/** Evaluates each text in `{% %}`, at any depth. */
async function evaluate(value: unknown, states: object): Promise<unknown> {
  if (typeof value === 'string') {
    const [, expression] = /^\{%(.*)%\}$/s.exec(value) ?? [];
    return expression === undefined ? value : jsonata(expression).evaluate({}, { states });
  }
  if (Array.isArray(value)) {
    return Promise.all(value.map((one) => evaluate(one, states)));
  }
  if (typeof value === 'object' && value !== null) {
    const members = Object.entries(value).map(async ([name, one]) => [name, await evaluate(one, states)] as const);
    return Object.fromEntries(await Promise.all(members));
  }
  return value;
}

/** Runs a state: its arguments, the function, its output. */
async function run(state: Readonly<Record<string, unknown>>, input: object) {
  const { result, name } = await system.request(await evaluate(state.Arguments, { input }));
  return result === undefined ? name : evaluate(state.Output, { input, result });
}

const dte = { numeroTransaccion: 7, total: 112 };

test('promise 53: states of JSONata issue a document and look it up by their expressions, without a token in them', async () => {
  const issue = stateOf({
    method: 'POST',
    path: '/dte',
    body: '{% $merge([$states.input.documento, { "total": $sum($states.input.lineas) }]) %}',
    headers: { 'x-pedido': '{% $string($states.input.pedido) %}' },
    outputs: { id: '{% $states.result.body.id %}' },
  });
  const lookUp = stateOf({
    method: 'GET',
    path: '/dte',
    query: '{% { "numeroTransaccion": $states.input.numeroTransaccion } %}',
    outputs: '{% $states.result.body.data[0].id %}',
  });
  const issued = await run(issue, { documento: { numeroTransaccion: 7 }, lineas: [100, 12], pedido: 5 });

  expect(system.api.documents).toMatchObject([dte]);
  expect(system.api.calls[0]?.headers).toMatchObject({ 'x-pedido': '5', 'content-type': 'application/json' });
  expect(issued).toEqual({ id: system.api.documents[0]?.id });
  expect(await run(lookUp, dte)).toBe(system.api.documents[0]?.id);
  expect(JSON.stringify([issue, lookUp, issued])).not.toContain('not-a-real-token');
});

test('an expression that makes another path than the function takes is InvalidRequest', async () => {
  const read = stateOf({
    method: 'GET',
    path: '{% "/dte/" & $states.input.id %}',
    outputs: '{% $states.result.body %}',
  });

  expect(await run(read, { id: '../token' })).toBe('InvalidRequest');
  expect(await run(read, { id: 'a?b=c' })).toBe('InvalidRequest');
  expect(system.api.calls).toEqual([]);
});
