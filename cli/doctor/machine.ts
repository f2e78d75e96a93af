// The checks of this machine: Node, and the clock. Rows of checks.ts.
import { describeDuration } from '../output/times.ts';
import { type Finding, notChecked, ok, textOf, wrong } from './check.ts';
import type { Examined } from './examined.ts';

/** The oldest Node that runs the command line. */
const oldestNode = 20;
/** AWS refuses signatures from 5 minutes on. A clock that is this wrong will get there. Milliseconds. */
const tolerableMs = 60_000;

export async function checkNode(): Promise<Finding> {
  const { node } = process.versions;
  return Number(node.split('.')[0]) >= oldestNode
    ? ok(`Node ${node}`)
    : wrong(`Node ${node} is too old`, `install Node ${oldestNode} or later`);
}

/** Compares this machine's clock with the date in the answer of the API. */
export async function checkClock({ unsigned }: Examined): Promise<Finding> {
  const asked = Date.now();
  const date = await unsigned().then(
    ({ headers }) => Date.parse(headers.date ?? ''),
    () => Number.NaN,
  );
  if (Number.isNaN(date)) {
    return notChecked('the API gave no time');
  }
  const offset = asked - date;
  const amount = describeDuration(Math.abs(offset));
  return Math.abs(offset) <= tolerableMs
    ? ok('this clock and the one of the API agree')
    : wrong(
        `this clock is ${amount} ${offset > 0 ? 'ahead of' : 'behind'} the one of the API`,
        'set the clock: AWS refuses signatures from 5 minutes on',
      );
}

const howToFind =
  'run `cdk deploy --outputs-file cdk-outputs.json`, and this where that file is; or give --outputs, or --endpoint and --function-name';

/** The broker comes from the options, or from the outputs of the stack. Callers may know only the API, or only the function. */
export async function checkOutputs({ target }: Examined): Promise<Finding> {
  try {
    const { endpoint, functionName, lambdaEndpoint } = target();
    if (endpoint === undefined && functionName === undefined) {
      return wrong('neither the API nor the function is known', howToFind);
    }
    const where = lambdaEndpoint === undefined ? '' : 'the local run, ';
    return ok(`${where}API ${endpoint ?? 'not known'}, function ${functionName ?? 'not known'}`);
  } catch (thrown) {
    return wrong(textOf(thrown));
  }
}
