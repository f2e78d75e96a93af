// Passes each invocation to the handler of its entry point, and answers failures. Created by ../handler.ts.
import middy from '@middy/core';
import type { Context } from 'aws-lambda';
import type { SecretIds } from '../account-secrets.ts';
import type { Broker } from '../broker/contract.ts';
import type { Config } from '../config.ts';
import { asBrokerError, BrokerError, type ErrorCode } from '../errors.ts';
import { createHttpHandler, httpFailure } from './api-gateway.ts';
import { createDirectHandler, directFailure } from './direct-invoke.ts';
import {
  describeInvocation,
  type EntryPoint,
  type EventHandler,
  type Invocation,
  type InvocationContext,
  type Report,
} from './invocation.ts';
import { createIssueToken } from './token-request.ts';
import type { WarmupDependencies } from './warmup.ts';

/** What Lambda calls. It rejects only with errors of the contract. */
export type Handler = (event: unknown, context: Context) => Promise<unknown>;

/** What the router needs. */
export interface RouterDependencies {
  readonly config: Pick<Config, 'accounts' | 'defaultAccount'>;
  /** The listed accounts and the open ones. @default - only the listed ones */
  readonly secrets?: SecretIds;
  readonly broker: Broker;
  /** From 0 to 1. */
  readonly random: () => number;
  /** Epoch milliseconds. */
  readonly now: () => number;
  readonly report: Report;
  readonly loadSendDue?: WarmupDependencies['loadSendDue'];
}

/** The time reserved for a failure's answer, if the handler has not answered by then. Milliseconds. */
const reserveMs = 150;

/** Creates the function that answers every invocation. The alias decides which handler it calls. */
export function createRouter(dependencies: RouterDependencies): Handler {
  const { accounts, defaultAccount } = dependencies.config;
  const { broker, secrets = accounts } = dependencies;
  const issueToken = createIssueToken({
    ...dependencies,
    isConfigured: (account) => secrets.has(account),
    isRemoved: async (account, remaining) =>
      !accounts.has(account) && (await broker.checkSecret(account, remaining)) === 'unknown_account',
  });
  const handlers: Readonly<Record<EntryPoint, EventHandler>> = {
    http: createHttpHandler(issueToken),
    account: createDirectHandler(issueToken),
    warmup: whenCalled(async () => {
      const { createWarmupHandler } = await import('./warmup.ts');
      return createWarmupHandler({ ...dependencies, accounts, secrets });
    }),
    admin: whenCalled(async () => {
      const { createAdminHandler } = await import('./admin.ts');
      return createAdminHandler({ ...dependencies, accounts: [...accounts.keys()], secrets });
    }),
    none: () =>
      Promise.reject(new BrokerError('forbidden', 'invoked without an alias, or by an alias that allows nothing')),
  };
  return wrap(
    (event, invocation, remaining) => handlers[invocation.entryPoint](event, invocation, remaining),
    dependencies.report,
    defaultAccount,
  );
}

/** A handler that its first call loads: files of their own in the bundle, because no call for a token needs them. */
function whenCalled(load: () => Promise<EventHandler>): EventHandler {
  let loaded: Promise<EventHandler> | undefined;
  return async (...call) => {
    loaded ??= load();
    return (await loaded)(...call);
  };
}

/** Creates a function that answers every invocation with the same failure. */
export function createFailingRouter(error: BrokerError, report: Report): Handler {
  return wrap(() => Promise.reject(error), report, undefined);
}

function wrap(handleEvent: EventHandler, report: Report, defaultAccount: string | undefined): Handler {
  const describe = (event: unknown, context: InvocationContext) => describeInvocation(event, context, defaultAccount);
  const handle = async (event: unknown, context: Context) => {
    const invocation = describe(event, context);
    const answer = await handleEvent(event, invocation, () => context.getRemainingTimeInMillis());
    // An operator reads here which AWS account and region the command has reached.
    return invocation.entryPoint === 'admin' ? { ...answer, function_arn: context.invokedFunctionArn } : answer;
  };
  return middy<unknown, unknown, Error, Context>(handle, {
    timeoutEarlyInMillis: reserveMs,
    timeoutEarlyResponse: () => {
      throw new BrokerError('deadline', 'the handler did not answer before the time-out of the function');
    },
  }).use(answerFailures(describe, report));
}

/**
 * Codes that have an alarm of their own at the first occurrence. If a warm-up ended with an error, Lambda would count the same
 * fault as a crash, and try again what only an operator can correct.
 */
const answeredWarmUps: ReadonlySet<ErrorCode> = new Set(['configuration', 'internal']);

/** Reports every failure, and answers it in the form of the entry point: an HTTP answer, or an error. */
function answerFailures(
  describe: (event: unknown, context: InvocationContext) => Invocation,
  report: Report,
): middy.MiddlewareObj<unknown, unknown, Error, Context> {
  return {
    onError: (request) => {
      const invocation = describe(request.event, request.context);
      const error = asBrokerError(request.error);
      report.failed(invocation, error);
      if (invocation.entryPoint === 'http') {
        request.response = httpFailure(error, invocation.requestId);
      } else if (invocation.entryPoint === 'warmup' && answeredWarmUps.has(error.code)) {
        request.response = error.toBody(invocation.requestId);
      } else {
        // middy throws this error. If this function threw the error itself, middy would attach the original to it.
        request.error = directFailure(error, invocation.requestId);
      }
    },
  };
}
