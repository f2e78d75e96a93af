// Drives every failure through the real telemetry, and holds the alarms of the template against the table of failures.
import { describe, expect, test } from 'vitest';
import { type AlarmName, alarmNames } from '../../../infra/monitoring/alarm-names.ts';
import { alarmRules, minutesUntil } from '../../../infra/monitoring/alarm-rules.ts';
import {
  answerModes,
  codeModes,
  type FailureMode,
  failureModes,
  incidentModes,
  outerModes,
} from '../../../infra/monitoring/failure-modes.ts';
import { backoffMs, classOf } from '../../../lambda/broker/login/backoff.ts';
import type { FailedLogin } from '../../../lambda/broker/login/login-outcome.ts';
import type { Incident } from '../../../lambda/broker/ports.ts';
import { BrokerError, type ErrorCode, isErrorCode } from '../../../lambda/errors.ts';
import { describeInvocation } from '../../../lambda/events/invocation.ts';
import { createTelemetry } from '../../../lambda/telemetry/telemetry.ts';
import { type AccessLogLine, accessLogOf } from '../../support/alarms/access-log.ts';
import {
  alarmsOf,
  createWatch,
  deadLetters,
  functionName,
  lambdaMetric,
  type Rung,
  throttles,
} from '../../support/alarms/watch.ts';
import { httpEvent, lambdaContext } from '../../support/events/events.ts';
import { templateOf, templateWith } from '../support/synth.ts';

const alarms = alarmsOf(templateWith({ accounts: { main: {} }, warmUpsAtOnce: 20 }));
const countsOf = accessLogOf(templateOf('minimal'));
const minuteMs = 60_000;
const start = Date.UTC(2026, 0, 15, 12);
const end = start + 75 * minuteMs;

const call = describeInvocation(httpEvent({ account: 'main' }), lambdaContext('http'), undefined);
const warmup = { ...describeInvocation({}, lambdaContext('warmup'), undefined), account: 'main' };

type Watch = ReturnType<typeof createWatch>;
type Telemetry = ReturnType<typeof createTelemetry>;

/** What goes on at one moment. */
interface Moment {
  readonly at: number;
  readonly telemetry: Telemetry;
  readonly watch: Watch;
  /** Whether the schedule runs now: every 4 minutes. */
  readonly isWarmUp: boolean;
}

/** Lives through 75 minutes in steps of 12 seconds, in which warm-ups run, and says which alarms rang. */
function hourOf(live: (moment: Moment) => void, { isWarmed = true } = {}): Rung {
  const watch = createWatch(alarms);
  let at = start;
  const telemetry = createTelemetry(functionName, () => at);
  const runs = lambdaMetric('Invocations', 'warmup');
  try {
    for (let before = start - 60 * minuteMs; before < (isWarmed ? end : start); before += 4 * minuteMs) {
      watch.add({ metric: runs, at: before, value: 1 });
    }
    for (; at < end; at += 12_000) {
      live({ at, telemetry, watch, isWarmUp: (at - start) % (4 * minuteMs) === 0 });
    }
    return watch.rung({ from: start, to: end });
  } finally {
    watch.stop();
  }
}

/** Logs in as often as the back-off lets it, and never gets a token. At most three answers may be about the password. */
function createFailingLogin(failed: Pick<FailedLogin, 'answer' | 'reached' | 'error'>) {
  const most = { refused: 1, doubt: 3 }[String(classOf(failed))] ?? Number.POSITIVE_INFINITY;
  let inRow = 0;
  let retryAt = 0;
  return ({ at, telemetry }: Moment) => {
    if (at >= retryAt && inRow < most) {
      inRow += 1;
      retryAt = at + backoffMs(failed, inRow, 0.5);
      telemetry.observe({ kind: 'login', account: 'main', outcome: failed.answer, ms: 100 });
      telemetry.observe({ kind: 'failed', account: 'main', code: failed.error.code });
    }
  };
}

const reached: Readonly<Partial<Record<ErrorCode, FailedLogin['reached']>>> = {
  upstream_tls: 'no',
  upstream_timeout: 'unknown',
};
/** The answers to logins that have another name than the code. */
const answers: Readonly<Partial<Record<ErrorCode, FailedLogin['answer']>>> = {
  credentials_rejected: 'invalid_grant',
  upstream_rejected: 'doubt',
  upstream_redirect: 'doubt',
};

/** API Gateway writes this line for each call. */
function logCall(line: AccessLogLine): (moment: Moment) => void {
  return ({ at, watch }) => {
    for (const metric of countsOf(line)) {
      watch.add({ metric, at, value: 1 });
    }
  };
}

/** All calls and warm-ups of the account end with the code, and logins if the code is Fegora's. */
function failWith(code: ErrorCode): (moment: Moment) => void {
  if (code === 'throttled') {
    return logCall({ status: '429', error_type: 'THROTTLED' });
  }
  const error = new BrokerError(code, 'a test');
  const isFegoras = code.startsWith('upstream_') || code === 'credentials_rejected' || code === 'client_rejected';
  const logIn = createFailingLogin({ error, reached: reached[code] ?? 'answered', answer: answers[code] ?? code });
  return (moment) => {
    if (isFegoras) {
      logIn(moment);
    }
    if (code === 'table_unavailable') {
      moment.telemetry.observe({ kind: 'table_unavailable', account: 'main' });
    }
    moment.telemetry.failed(call, error);
    if (moment.isWarmUp) {
      failWarmUp(moment, error);
    }
  };
}

/** Warm-ups ask for accounts that are configured, and report no token. One without time is skipped. */
const notOfWarmUps: ReadonlySet<ErrorCode> = new Set([
  'invalid_request',
  'invalid_account',
  'forbidden',
  'unknown_account',
  'too_many_rejections',
  'deadline',
]);

/** As the handler of warm-ups reports it. */
function failWarmUp({ telemetry }: Moment, error: BrokerError): void {
  if (error.code === 'paused') {
    telemetry.ran(warmup, 'warm', [{ account: 'main', outcome: 'paused' }]);
  } else if (!notOfWarmUps.has(error.code)) {
    telemetry.failed(warmup, error);
  }
}

const answerCodes: Readonly<Record<Exclude<keyof typeof answerModes, 'refresh_refused'>, ErrorCode>> = {
  invalid_grant: 'credentials_rejected',
  doubt: 'upstream_rejected',
  html_500: 'upstream_unavailable',
  other_user: 'upstream_invalid_response',
};

const outer: Readonly<Record<keyof typeof outerModes, (moment: Moment) => void>> = {
  crash: ({ at, watch }) => watch.add({ metric: lambdaMetric('Errors', 'http'), at, value: 1 }),
  lambda_throttled: ({ at, watch }) => watch.add({ metric: throttles, at, value: 1 }),
  gateway_failure: logCall({ status: '504', error_type: 'INTEGRATION_TIMEOUT' }),
  gateway_denial: logCall({ status: '403', error_type: 'ACCESS_DENIED' }),
  gateway_unsigned: logCall({ status: '403', error_type: 'MISSING_AUTHENTICATION_TOKEN' }),
  no_warm_up: () => {},
  warm_ups_lost: ({ at, watch }) => watch.add({ metric: deadLetters, at, value: 1 }),
  slow_calls: ({ at, watch }) => watch.add({ metric: lambdaMetric('Duration', 'http'), at, value: 3001 }),
  clock_skew: ({ telemetry }) => telemetry.observe({ kind: 'clock_skew', account: 'main', ms: -30_500 }),
};

/** The names of the alarms that rang. Each must have rung in the minutes that its rule says, or two minutes later. */
function namesOf(rung: Rung): string[] {
  return Object.entries(rung).map(([id, minutes]) => {
    const name = alarmNames.find((known) => known === id.split(' ')[0]);
    expect(minutes, id).toBeLessThanOrEqual(name === undefined ? 0 : minutesUntil(name) + 2);
    return String(name);
  });
}

function expected(mode: FailureMode): string[] {
  return mode.person === 'no' ? [] : [...mode.alarms].sort();
}

describe('promise 80: the alarms of the table ring, and no others', () => {
  test.each(Object.entries(codeModes))('for the code %s', (code, mode) => {
    expect(isErrorCode(code) ? namesOf(hourOf(failWith(code))).sort() : code).toEqual(expected(mode));
  });

  test.each(Object.entries(incidentModes))('for the incident %s', (incident, mode) => {
    const kind = incident as Incident;
    expect(namesOf(hourOf(({ telemetry }) => telemetry.observe({ kind, account: 'main' }))).sort()).toEqual(
      expected(mode),
    );
  });

  const { refresh_refused: ofRefreshes, ...answersToPasswords } = answerModes;
  test('for refresh tokens that Fegora does not take: none', () => {
    const refused = { kind: 'login', account: 'main', outcome: 'refresh_refused', ms: 100 } as const;
    const rung = hourOf(({ telemetry }) => telemetry.observe({ ...refused, grant: 'refresh_token' }));
    expect(namesOf(rung)).toEqual(expected(ofRefreshes));
  });

  test.each(Object.entries(answersToPasswords))('for the answer %s to a login', (name, mode) => {
    const answer = name as keyof typeof answersToPasswords;
    const error = new BrokerError(answerCodes[answer], 'a test');
    expect(namesOf(hourOf(createFailingLogin({ answer, reached: 'answered', error }))).sort()).toEqual(expected(mode));
  });

  test.each(Object.entries(outerModes))('for what the broker does not notice: %s', (name, mode) => {
    const rung = hourOf(outer[name as keyof typeof outerModes], { isWarmed: name !== 'no_warm_up' });
    expect(namesOf(rung).sort()).toEqual(expected(mode));
  });

  test('for a healthy hour: none', () => {
    const grant = { token: tokenOf(), source: 'memory', remainingMs: 600_000 } as const;
    expect(hourOf(({ telemetry }) => telemetry.issued(call, grant, 'token'))).toEqual({});
  });

  test.each([
    ['403', '-'],
    ['500', '-'],
    ['404', 'RESOURCE_NOT_FOUND'],
    ['400', 'BAD_REQUEST_BODY'],
  ])(
    'for what the function answers itself, and for what scanners get: status %s, error type %s: none',
    (status, type) => {
      expect(hourOf(logCall({ status, error_type: type }))).toEqual({});
    },
  );

  test.each([
    [75, 'an operator', 'admin', 'unknown_account'],
    [75, 'an operator', 'admin', 'invalid_request'],
    [10, 'an engineer who tries by hand', 'account-main', 'invalid_request'],
  ] as const)('for %i minutes of typos of %s by the alias %s, %s: none', (minutes, _, alias, code) => {
    const typist = describeInvocation({ account: 'typo' }, lambdaContext(alias), undefined);
    const rung = hourOf(({ at, telemetry }) => {
      if (at < start + minutes * minuteMs && at % minuteMs === 0) {
        telemetry.failed(typist, new BrokerError(code, 'a typo'));
      }
    });
    expect(rung).toEqual({});
  });

  test.each([
    [7, ['AccountFails main', 'CallsFail', 'SecretUnavailable']],
    [8, []],
  ])('for an account without warm-ups whose calls fail every %i minutes: %j', (minutes, names) => {
    const error = new BrokerError('secret_unavailable', 'a test');
    const rung = hourOf(({ at, telemetry }) => {
      if ((at - start) % (minutes * minuteMs) === 0) {
        telemetry.failed(call, error);
      }
    });
    expect(Object.keys(rung).sort()).toEqual(names);
  });

  test.each([
    ['secret_unavailable', 3],
    ['upstream_unavailable', 3],
    ['table_unavailable', 3],
    ['deadline', 3],
  ] as const)('for a blip of %s that lasts %i minutes: none', (code, minutes) => {
    const fail = failWith(code);
    const healthy = { token: tokenOf(), source: 'memory', remainingMs: 600_000 } as const;
    const rung = hourOf((moment) => {
      if (moment.at >= start + 20 * minuteMs && moment.at < start + (20 + minutes) * minuteMs) {
        fail(moment);
      } else {
        moment.telemetry.issued(call, healthy, 'token');
      }
    });
    expect(rung).toEqual({});
  });
});

function tokenOf() {
  return { accessToken: 'x', fingerprint: 'f'.repeat(64), issuedAt: start, lifetimeMs: 1_800_000, versionId: 'v1' };
}

describe('the table of failures', () => {
  const modes = Object.values(failureModes).flatMap((group) => Object.entries(group));

  test('every failure that needs a person at once has an urgent alarm, and the others have none', () => {
    const isUrgent = (mode: FailureMode) =>
      mode.person !== 'no' && mode.alarms.some((name) => alarmRules[name].severity === 'urgent');
    expect(modes.filter(([, mode]) => isUrgent(mode) !== (mode.person === 'at once')).map(([name]) => name)).toEqual(
      [],
    );
  });

  test('every alarm is that of a failure, and every failure without one says why', () => {
    const rung = new Set<AlarmName>(modes.flatMap(([, mode]) => (mode.person === 'no' ? [] : mode.alarms)));
    expect(alarmNames.filter((name) => !rung.has(name))).toEqual([]);
    for (const [, mode] of modes) {
      expect(mode.person === 'no' ? mode.why : mode.alarms[0]).not.toBe('');
      expect(mode.means).not.toBe('');
    }
  });
});
