// A fake broker and fake reports. Used by the unit tests of events.
import type { Broker, Grant, TokenRequest } from '../../../lambda/broker/broker.ts';
import { fingerprint, type Token } from '../../../lambda/broker/token.ts';
import type { BrokerError } from '../../../lambda/errors.ts';
import type { Call, Report, Result } from '../../../lambda/events/invocation.ts';

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
  const issued: { call: Call; grant: Grant }[] = [];
  const failed: { call: Call; error: BrokerError }[] = [];
  const ran: { call: Call; task: string; results: readonly Result[] }[] = [];
  const report: Report = {
    issued: (call, given) => issued.push({ call, grant: given }),
    failed: (call, error) => failed.push({ call, error }),
    ran: (call, task, results) => ran.push({ call, task, results }),
  };
  return { report, issued, failed, ran };
}
