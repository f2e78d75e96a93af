import middy from '@middy/core';
import type { Context } from 'aws-lambda';
import type { Broker } from '../broker/broker.ts';
import type { Config } from '../config.ts';
import { asBrokerError, BrokerError } from '../errors.ts';
import { createAdmin } from './admin.ts';
import { createHttp, httpFailure } from './api-gateway.ts';
import { createInvoke, thrownFailure } from './direct-invoke.ts';
import { type Call, callOf, type Invocation, type Report, type Serve } from './invocation.ts';
import { createIssue } from './token-request.ts';
import { createWarmup } from './warmup.ts';

/** What Lambda calls. Rejects with errors of the contract alone. */
export type Handler = (event: unknown, context: Context) => Promise<unknown>;

/** What stands behind the edge. */
export interface EdgeParts {
  readonly config: Pick<Config, 'accounts' | 'defaultAccount'>;
  readonly broker: Broker;
  readonly report: Report;
}

/** Kept for a last answer when the one asked for does not come. Milliseconds. */
const lastAnswerMs = 150;

/** Answers every invocation, by the authority of its alias. */
export function createEdge(parts: EdgeParts): Handler {
  const { accounts, defaultAccount } = parts.config;
  const issue = createIssue({ ...parts, isConfigured: (account) => accounts.has(account) });
  const routes: Readonly<Record<Call['authority'], Serve>> = {
    http: createHttp(issue, defaultAccount),
    account: createInvoke(issue),
    warmup: createWarmup({ ...parts, accounts }),
    admin: createAdmin({ ...parts, accounts: [...accounts.keys()] }),
    none: () => Promise.reject(new BrokerError('forbidden', 'called through no alias that allows anything')),
  };
  return wrap((event, call, remaining) => routes[call.authority](event, call, remaining), parts.report, defaultAccount);
}

/** Answers every invocation with one failure. */
export function createFailingEdge(error: BrokerError, report: Report): Handler {
  return wrap(() => Promise.reject(error), report, undefined);
}

function wrap(serve: Serve, report: Report, defaultAccount: string | undefined): Handler {
  const describe = (event: unknown, context: Invocation) => callOf(event, context, defaultAccount);
  const serveInTime = (event: unknown, context: Context) =>
    serve(event, describe(event, context), () => context.getRemainingTimeInMillis());
  return middy<unknown, unknown, Error, Context>(serveInTime, {
    timeoutEarlyInMillis: lastAnswerMs,
    timeoutEarlyResponse: () => {
      throw new BrokerError('deadline', 'no answer before the time-out');
    },
  }).use(answerFailures(describe, report));
}

/** Whatever goes wrong is reported, and answered in the alias's form of the contract: an HTTP answer, or an error. */
function answerFailures(
  describe: (event: unknown, context: Invocation) => Call,
  report: Report,
): middy.MiddlewareObj<unknown, unknown, Error, Context> {
  return {
    onError: (request) => {
      const call = describe(request.event, request.context);
      const error = asBrokerError(request.error);
      report.failed(call, error);
      if (call.authority === 'http') {
        request.response = httpFailure(error, call.requestId);
      } else {
        // middy throws what stands here; to an error thrown in this place it would attach the original.
        request.error = thrownFailure(error, call.requestId);
      }
    },
  };
}
