// Connects a function to a broker: the right and the variables. Called by token-broker-base.ts and probe/probe.ts.
import { Stack, Token, TokenComparison } from 'aws-cdk-lib';
import type { Function as LambdaFunction } from 'aws-cdk-lib/aws-lambda';
import type { ITokenBroker } from './token-broker-interface.ts';

/** One way to the tokens of one account. */
export interface Connection {
  readonly account: string;
  readonly via: 'api' | 'invoke';
}

type Connected = Connection & { readonly broker: ITokenBroker };

/** A broker, and its region. The region can be known only at deployment. */
interface Placed {
  readonly broker: ITokenBroker;
  readonly region: string;
}

/** Each connected function. The CDK's construct does not show its variables. */
const connected = new WeakMap<LambdaFunction, Connected>();

/** Returns the variables that `createTokenClient()` reads when it gets no options. */
export function connectionVariables(broker: ITokenBroker, { account, via }: Connection): Record<string, string> {
  return {
    ...(via === 'api' ? { FEGORA_BROKER_ENDPOINT: broker.url } : { FEGORA_BROKER_FUNCTION: broker.functionArn }),
    FEGORA_BROKER_ACCOUNT: account,
  };
}

/**
 * Gives the function the right and the variables. A second call with the same values changes nothing.
 *
 * @throws Error if the function has another connection, or cannot reach the API
 */
export function connectFunction({ broker, region }: Placed, fn: LambdaFunction, connection: Connection): void {
  const { account, via } = connection;
  checkFunction(fn, via);
  const earlier = connected.get(fn);
  if (earlier !== undefined) {
    checkSame(fn, earlier, { ...connection, broker });
    return;
  }
  checkReach(broker, fn, via);
  checkSigning({ broker, region }, fn, via);
  if (via === 'api') {
    broker.grantToken(fn, account);
  } else {
    broker.grantInvoke(fn, account);
  }
  for (const [name, value] of Object.entries(connectionVariables(broker, connection))) {
    fn.addEnvironment(name, value);
  }
  connected.set(fn, { ...connection, broker });
}

/** In JavaScript, the function can be an alias, a version or an import, and the way any text. */
function checkFunction(fn: Partial<LambdaFunction> | undefined, via: string): void {
  if (typeof fn?.addEnvironment !== 'function') {
    throw new Error(
      `${fn?.node?.path ?? String(fn)} has no variables that connect could set: pass the function itself, not an alias, a version or an imported function. For an imported one, call grantToken or grantInvoke, and pass the options to createTokenClient in its code`,
    );
  }
  if (via !== 'api' && via !== 'invoke') {
    throw new Error(`via: must be api or invoke, and is ${via}`);
  }
}

/** @throws Error if the function is to call a private API and is in no VPC */
function checkReach(broker: ITokenBroker, fn: LambdaFunction, via: Connection['via']): void {
  if (via === 'api' && broker.isPrivate && !fn.isBoundToVpc) {
    throw new Error(
      `${fn.node.path} is in no VPC, and the API of the broker is private: put the function into the VPC of the endpoints, or connect it with { via: 'invoke' }`,
    );
  }
}

/** @throws Error if the client could not know the region to sign for: the host name does not tell it, and it is not its own */
function checkSigning({ broker: { url }, region }: Placed, fn: LambdaFunction, via: Connection['via']): void {
  const isElsewhere = Token.compareStrings(region, Stack.of(fn).region) === TokenComparison.DIFFERENT;
  if (via === 'api' && isElsewhere && !url.includes('.execute-api.')) {
    throw new Error(
      `${fn.node.path} is in another region than the broker, and the host name of the API does not tell its region: call grantToken, and pass ${url} and region: '${region}' to createTokenClient in the code of the function, or connect it with { via: 'invoke' }`,
    );
  }
}

function checkSame(fn: LambdaFunction, earlier: Connected, wanted: Connected): void {
  const isSame = earlier.broker === wanted.broker && earlier.account === wanted.account && earlier.via === wanted.via;
  if (!isSame) {
    throw new Error(
      `${fn.node.path} is connected to account ${earlier.account} of ${earlier.broker.node.path} via ${earlier.via}, and a function has one connection. For another one, call grantToken or grantInvoke, and pass the options to createTokenClient in the code of the function`,
    );
  }
}
