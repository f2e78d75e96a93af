// Makes the function write every kind of line that it can write. Used by the tests of the dashboard.
import { codeModes, incidentModes } from '../../../infra/monitoring/failure-modes.ts';
import type { Incident } from '../../../lambda/broker/ports.ts';
import { BrokerError, isErrorCode } from '../../../lambda/errors.ts';
import { describeInvocation } from '../../../lambda/events/invocation.ts';
import { createTelemetry } from '../../../lambda/telemetry/telemetry.ts';
import { captureOutput } from '../capture.ts';
import { httpEvent, lambdaContext } from '../events/events.ts';

export const start = Date.UTC(2026, 0, 15, 12);

const invocations = {
  http: describeInvocation(httpEvent({ account: 'main' }), lambdaContext('http'), undefined),
  direct: describeInvocation({}, lambdaContext('account-main'), undefined),
  warmup: { ...describeInvocation({}, lambdaContext('warmup'), undefined), account: 'main' },
  admin: describeInvocation({ account: 'main' }, lambdaContext('admin'), undefined),
};

const token = { accessToken: 'x', fingerprint: 'f'.repeat(64), issuedAt: start, lifetimeMs: 1_800_000 };

/** Returns the lines, each a second after the one before. */
export function everyLine(): readonly Readonly<Record<string, unknown>>[] {
  let at = start;
  const output = captureOutput();
  const telemetry = createTelemetry('the-function', () => {
    at += 500;
    return at;
  });
  try {
    writeCalls(telemetry);
    writeObservations(telemetry);
    return output.records();
  } finally {
    output.stop();
  }
}

type Telemetry = ReturnType<typeof createTelemetry>;

function writeCalls(telemetry: Telemetry): void {
  const { http, direct, warmup, admin } = invocations;
  for (const [call, versionId] of [
    [http, 'v1-00000-old'],
    [direct, 'v2-00000-new'],
  ] as const) {
    const grant = { token: { ...token, versionId }, source: 'memory', remainingMs: 600_000 } as const;
    telemetry.issued(call, grant, 'token');
  }
  for (const code of Object.keys(codeModes).filter(isErrorCode)) {
    for (const call of [http, direct, warmup, admin]) {
      telemetry.failed(call, new BrokerError(code, 'a test'));
    }
  }
  telemetry.ran({ ...warmup, account: undefined }, 'warm', [{ account: 'main', outcome: 'paused' }]);
  telemetry.ran({ ...warmup, account: undefined }, 'verify', [{ account: 'main', outcome: 'renewed' }]);
  telemetry.ran({ ...warmup, account: undefined }, 'verify', []);
  telemetry.ran(admin, 'pause', [{ account: 'main', outcome: 'done' }]);
}

function writeObservations({ observe }: Telemetry): void {
  const account = 'main';
  observe({ kind: 'clock_skew', account, ms: -6000 });
  for (const outcome of ['issued', 'invalid_grant', 'other_user'] as const) {
    observe({ kind: 'login', account, outcome, ms: 100 });
  }
  for (const kind of Object.keys(incidentModes)) {
    observe({ kind: kind as Incident, account });
  }
}
