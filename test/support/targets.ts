// The same calls, made in this process and over the local gateway. Used by router.test.ts.
import { localCallers } from '../../local/gateway/callers.ts';
import { startGateway } from '../../local/gateway/gateway.ts';
import { signedCall } from './signed-call.ts';
import type { Answer, EntryPoints } from './test-system.ts';

/** What a direct caller gets: the payload that Lambda returns, or the error in that payload. */
export type DirectAnswer =
  | { readonly result: Readonly<Record<string, unknown>> }
  | { readonly errorType: string; readonly errorMessage: string; readonly trace: readonly string[] };

/** The two ways in which callers ask for a token: over HTTP, and by direct invocation. */
export interface Target {
  readonly post: (account?: string, body?: string) => Promise<Answer>;
  readonly direct: (account: string, payload?: unknown) => Promise<DirectAnswer>;
  readonly close: () => Promise<void>;
}

/** Makes the target for one execution environment, by the name of the place where the calls are made. */
export const targets: Readonly<Record<string, (entryPoints: EntryPoints) => Promise<Target>>> = {
  'in process': async (entryPoints) => ({
    post: (account, body) =>
      entryPoints.http({ ...(account !== undefined && { account }), ...(body !== undefined && { body }) }),
    direct: async (account, payload) => {
      try {
        return { result: await entryPoints.invoke(account, payload) };
      } catch (thrown) {
        const { name, message, stack = '' } = thrown instanceof Error ? thrown : new Error('no Error was thrown');
        return { errorType: name, errorMessage: message, trace: stack.split('\n') };
      }
    },
    close: async () => {},
  }),

  'over the local gateway': async (entryPoints) => {
    const callers = localCallers('one');
    const aliases = ['http', 'warmup', 'admin', 'account-one', 'account-two', 'account-three'];
    const gateway = await startGateway({ handler: entryPoints.handler, callers: Object.values(callers), aliases });
    return {
      post: async (account, body) => {
        const path = account === undefined ? '/token' : `/token/${account}`;
        const options = body === undefined ? {} : { body };
        const answer = await signedCall(`${gateway.url}${path}`, callers.all, options);
        return { status: answer.status, headers: Object.fromEntries(answer.headers), body: answer.body };
      },
      direct: async (account, payload = {}) => {
        const url = `${gateway.url}/2015-03-31/functions/${gateway.functionName}:account-${account}/invocations`;
        const answer = await signedCall(url, callers.all, { body: JSON.stringify(payload), service: 'lambda' });
        return answer.headers.has('x-amz-function-error') ? asError(answer.body) : { result: answer.body };
      },
      close: gateway.close,
    };
  },
};

function asError({ errorType, errorMessage, trace }: Readonly<Record<string, unknown>>): DirectAnswer {
  return { errorType: String(errorType), errorMessage: String(errorMessage), trace: Array.from(Object(trace), String) };
}
