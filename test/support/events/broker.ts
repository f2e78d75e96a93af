// A fake broker and fake reports. Used by the unit tests of events.
import type { Broker, Grant, TokenRequest } from '../../../lambda/broker/contract.ts';
import { fingerprint, type Token } from '../../../lambda/broker/token.ts';
import type { BrokerError } from '../../../lambda/errors.ts';
import type { AccountResult, Invocation, Report } from '../../../lambda/events/invocation.ts';

/** 2026-11-24T12:00:00Z. */
export const noon = Date.UTC(2026, 10, 24, 12);

export const token: Token = {
  accessToken: 'not-a-real-token',
  fingerprint: fingerprint('not-a-real-token'),
  issuedAt: noon - 100_500,
  lifetimeMs: 1_800_000,
  versionId: 'v-1',
};

export const grant: Grant = { token, source: 'memory', remainingMs: 1_699_500 };

/** A broker with the given functions. Every other function rejects. */
export function brokerOf(functions: Partial<Broker>): Broker {
  const unexpected = () => Promise.reject(new Error('the test does not expect this call of the broker'));
  return {
    getToken: unexpected,
    warm: unexpected,
    verify: unexpected,
    status: unexpected,
    checkSecret: async () => undefined,
    amend: unexpected,
    ...functions,
  };
}

/** A broker that answers every request with `answer`, and the requests that it got. */
export function servingBroker(answer: Grant = grant) {
  const requests: TokenRequest[] = [];
  const broker = brokerOf({
    getToken: async (request) => {
      requests.push(request);
      return answer;
    },
  });
  return { broker, requests };
}

/** A report that keeps what the events report. */
export function recordReports() {
  const issued: { invocation: Invocation; grant: Grant }[] = [];
  const failed: { invocation: Invocation; error: BrokerError }[] = [];
  const ran: { invocation: Invocation; task: string; results: readonly AccountResult[] }[] = [];
  const report: Report = {
    issued: (invocation, given) => issued.push({ invocation, grant: given }),
    failed: (invocation, error) => failed.push({ invocation, error }),
    ran: (invocation, task, results) => ran.push({ invocation, task, results }),
  };
  return { report, issued, failed, ran };
}
