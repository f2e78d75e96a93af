// Invokes the broker’s `admin` alias. Called by the commands of operators and by doctor/.
import { awsRefusalOf } from '../../client/aws-refusal.ts';
import { invokePost } from '../../client/invoke.ts';
import { lambdaEndpoint } from '../../client/options.ts';
import { requestIdOf } from '../../client/signed-post.ts';
import { parseFunctionError } from '../../client/token-response.ts';
import { environment } from '../environment.ts';
import { CommandError, exitCodes } from '../failure.ts';
import { required, type Target } from '../target.ts';
import { awsIdentity } from './aws.ts';
import { checkEndpoint, configuredEndpoint } from './endpoints.ts';
import { describePlace } from './place.ts';
import { refusalOf, unreached } from './signed-call.ts';

/** How long to wait for the function, which ends after 25 s. Milliseconds. */
const longestMs = 40_000;

/** The event that the `admin` alias gets. */
export interface AdminRequest {
  readonly action: string;
  /** Undefined for all accounts that the settings list. */
  readonly account?: string;
  /** Up to 100 accounts, for the action `status`. */
  readonly accounts?: readonly string[];
}

/**
 * Invokes the broker's `admin` alias and returns its answer, an object.
 *
 * @throws TokenBrokerError for an error of the broker
 * @throws CommandError if the function is not known, or if the answer is not an object
 * @throws everything that the SDK throws, and an Error named as Lambda's API names it
 */
export async function invokeAdmin(target: Target, request: AdminRequest): Promise<Readonly<Record<string, unknown>>> {
  const functionName = required(target.functionName, 'function', '--function-name');
  const { region: findRegion, credentials } = awsIdentity(target);
  const region = await findRegion();
  const endpoint = await functionEndpoint(target, region);
  const invoke = invokePost(
    { endpoint, region, functionName, alias: 'admin', credentials, env: environment },
    Date.now,
  );
  const response = await invoke(JSON.stringify(request), AbortSignal.timeout(longestMs)).catch(unreached(endpoint));
  if (response.status !== 200) {
    const asked = { region, url: endpoint, resource: 'the alias admin', grant: 'grantAdmin' };
    throw awsRefusalOf(response, { ...asked, service: 'lambda' }) ?? refusalOf(response);
  }
  if (response.headers['x-amz-function-error'] !== undefined) {
    throw parseFunctionError({ body: response.body, requestId: requestIdOf(response) });
  }
  return parseAnswer(response.body);
}

/**
 * Returns the address of Lambda's API: of the local run, of the environment or the profile, or of the region. The local run
 * has it at its root, whatever the path of `--endpoint`.
 *
 * @throws CommandError if signed requests must not go there
 */
export async function functionEndpoint(
  { lambdaEndpoint: local, profile, allowed }: Target,
  region: string,
): Promise<URL> {
  const ofRegion = { url: lambdaEndpoint(region, {}), from: 'the region' };
  const configured =
    local === undefined
      ? await configuredEndpoint('Lambda', profile)
      : { url: new URL(local).origin, from: '--endpoint' };
  return checkEndpoint(configured ?? ofRegion, 'lambda', allowed);
}

/**
 * Returns the line that says where a command was run.
 *
 * @param answer what `invokeAdmin` has returned
 */
export async function placeOf(
  target: Target,
  { function_arn: arn }: Readonly<Record<string, unknown>>,
): Promise<string> {
  const { origin } = await functionEndpoint(target, await awsIdentity(target).region());
  return describePlace('done', arn, origin);
}

/** @throws CommandError if the body is not an object; the message does not show the body, which another system may have sent */
function parseAnswer(body: string): Readonly<Record<string, unknown>> {
  try {
    const answer: unknown = JSON.parse(body);
    if (typeof answer === 'object' && answer !== null) {
      return { ...answer };
    }
  } catch {
    // The message of this error repeats the body, so it is dropped.
  }
  throw unexpectedAnswer();
}

/** The error for an answer that the broker cannot have given. The command then must not report success. */
export function unexpectedAnswer(): CommandError {
  const text = 'the answer is not from a token broker; check that --function-name is the broker’s function';
  return new CommandError(exitCodes.failed, text);
}
