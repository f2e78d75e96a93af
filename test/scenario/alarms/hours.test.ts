// An hour of each trouble, with the real function on virtual time: which alarms of the template ring, when, and no others.
import { describe, expect, onTestFinished, test } from 'vitest';
import { createHandler } from '../../../lambda/handler.ts';
import { templateOf, templateWith } from '../../infra/support/synth.ts';
import { type Hour, type Load, startHour } from '../../support/alarms/hour.ts';
import {
  alarmsOf,
  createWatch,
  functionName,
  gatewayMetric,
  lambdaMetric,
  type Rung,
} from '../../support/alarms/watch.ts';
import { type Cluster, type ClusterOptions, goodPassword, username } from '../../support/cluster.ts';
import { callFunction } from '../../support/events/call-function.ts';
import { httpEvent, lambdaContext } from '../../support/events/events.ts';

const oneAccount = alarmsOf(templateOf('minimal'));

/** Three callers, each every 30 seconds. */
function steady({ call }: Hour): Load {
  const roles = ['invoicing', 'reports', 'shop'];
  return (step) => [call(roles[step % roles.length] ?? '', 'main')];
}

/** Adds something in the hour of trouble, which the returned function begins. */
function withTrouble(load: Load, more: Load): { readonly load: Load; readonly trouble: () => void } {
  let isOn = false;
  const trouble = () => {
    isOn = true;
  };
  return { load: (step) => [...load(step), ...(isOn ? more(step) : [])], trouble };
}

async function hourOf(trouble: (cluster: Cluster) => void): Promise<Rung> {
  const hour = await startHour(oneAccount);
  return await hour.live({ load: steady(hour), trouble: () => trouble(hour.cluster) });
}

/** These alarms and no others, after so many minutes. Logins over loopback may move a back-off, and so an alarm by a minute or two. */
function expectRung(rung: Rung, expected: Rung): void {
  expect(Object.keys(rung).sort()).toEqual(Object.keys(expected).sort());
  for (const [name, minutes] of Object.entries(expected)) {
    expect(Math.abs((rung[name] ?? 0) - minutes), `${name} rang after ${rung[name]} minutes`).toBeLessThanOrEqual(2);
  }
}

/** The token of before lasts for 20 minutes more, and its renewal is due after 10: so that alarms ring before callers feel it. */
describe('promise 80: in an hour, the right alarms ring and no others', () => {
  test('when Secrets Manager is down', async () => {
    const rung = await hourOf(({ secretOf }) => {
      secretOf('fegora/main').isDown = true;
    });
    expectRung(rung, { SecretUnavailable: 20, 'AccountFails main': 20, CallsFail: 26 });
  });

  test('when the table is down', async () => {
    const rung = await hourOf(({ table }) => {
      table.trouble = () => 'down';
      table.userTrouble = () => 'down';
    });
    expectRung(rung, { TableUnavailable: 7, 'AccountFails main': 9, CallsFail: 26 });
  });

  test.each([
    ['refuses connections', ({ route }: Cluster) => Object.assign(route, { isUnreachable: true })],
    [
      'answers 503',
      ({ fegora }: Cluster) => fegora.addFault({ kind: 'answer', status: 503, body: 'down', times: null }),
    ],
  ])('when Fegora is down and %s', async (_, trouble) => {
    expectRung(await hourOf(trouble), { LoginsFail: 17, 'AccountFails main': 20, CallsFail: 26 });
  });

  test('when Fegora answers an account that had worked with its error page: Html500Repeated only after half an hour', async () => {
    const page = { kind: 'answer', status: 500, contentType: 'text/html', body: '<html></html>', times: null } as const;
    const rung = await hourOf(({ fegora }) => fegora.addFault(page));
    expectRung(rung, { LoginsFail: 17, 'AccountFails main': 20, CallsFail: 26, Html500Repeated: 43 });
  });

  test.each([3, 6, 12])('when Fegora takes %i s for a login: none, because warm-ups wait for it', async (seconds) => {
    expectRung(await hourOf(({ fegora }) => fegora.set({ delayMs: seconds * 1000 })), {});
  });

  test('when Fegora takes longer than a login waits', async () => {
    const rung = await hourOf(({ fegora }) => fegora.set({ delayMs: 30_000 }));
    expectRung(rung, { LoginsFail: 17, 'AccountFails main': 20, SlowCalls: 22, CallsFail: 26 });
  });

  test('when Fegora refuses the password of one of ten accounts, and a second one after that', async () => {
    const hour = await startTenAccounts();
    const all = ['main', ...nineMore];
    const load: Load = (step) => [hour.call('invoicing', all[step % all.length] ?? '')];
    const refuse = (id: string) => () => hour.cluster.fegora.setPassword(`user-${id}`, 'not-a-real-password-2');
    const first = await hour.live({ load, trouble: refuse('a3') });
    expectRung(first, { CredentialsRejected: 11, 'AccountFails a3': 20, CallsFail: 27 });
    // The alarms that ring already cannot ring again, but that of the second account does.
    const second = await hour.live({ load, trouble: refuse('a7') });
    expect(second).toHaveProperty('AccountFails a7');
    expect(Object.keys(second).filter((name) => name.startsWith('AccountFails'))).toEqual([
      'AccountFails a3',
      'AccountFails a7',
    ]);
  });

  test('when IAM refuses one of the callers', async () => {
    const hour = await startHour(oneAccount);
    const refused = { metric: gatewayMetric('DeniedByGateway'), value: 1 };
    const onceAMinute: Load = (step) => {
      if (step % 6 === 0) {
        hour.watch.add({ ...refused, at: hour.cluster.clock.now() });
      }
      return [];
    };
    expectRung(await hour.live(withTrouble(steady(hour), onceAMinute)), { Denied: 13 });
  });

  test('when the account of a caller is removed', async () => {
    const hour = await startHour(oneAccount);
    const onceAMinute: Load = (step) => (step % 6 === 0 ? [hour.call('shop', 'removed')] : []);
    expectRung(await hour.live(withTrouble(steady(hour), onceAMinute)), { Denied: 13 });
  });

  test('when one caller reports every token as rejected', async () => {
    const hour = await startHour(oneAccount);
    let last: unknown = '0'.repeat(64);
    const abuse = async () => {
      const { token_sha256 = last } = await hour.call('abuser', 'main', JSON.stringify({ rejected: last }));
      last = token_sha256;
    };
    expectRung(await hour.live(withTrouble(steady(hour), () => [abuse()])), { BudgetHalfUsed: 6, CallsFail: 7 });
  });

  test('when there are no calls at night and all is well: none', async () => {
    const hour = await startHour(oneAccount);
    expectRung(await hour.live({ load: () => [] }), {});
  });

  test.each<[string, (cluster: Cluster) => void, Rung]>([
    [
      'Secrets Manager is down',
      ({ secretOf }) => Object.assign(secretOf('fegora/main'), { isDown: true }),
      { SecretUnavailable: 21, 'AccountFails main': 21 },
    ],
    [
      'the table is down',
      ({ table }) => Object.assign(table, { trouble: () => 'down', userTrouble: () => 'down' }),
      { TableUnavailable: 9, 'AccountFails main': 9 },
    ],
    [
      'Fegora takes longer than a login waits',
      ({ fegora }) => fegora.set({ delayMs: 30_000 }),
      { LoginsFail: 21, 'AccountFails main': 21 },
    ],
    [
      'Fegora refuses the password',
      ({ fegora }) => fegora.setPassword(username, 'not-a-real-password-2'),
      { CredentialsRejected: 13, 'AccountFails main': 21 },
    ],
  ])('when there are no calls at night and %s: warm-ups notice it', async (_, trouble, expected) => {
    const hour = await startHour(oneAccount);
    expectRung(await hour.live({ load: () => [], trouble: () => trouble(hour.cluster) }), expected);
  });

  test('when an operator has paused the account', async () => {
    const hour = await startHour(oneAccount);
    const pause = () => {
      void hour.cluster.brokers[0]?.amend('main', 'pause', () => 25_000);
    };
    expectRung(await hour.live({ load: steady(hour), trouble: pause }), {});
    expectRung(await hour.live({ load: steady(hour) }), { PausedLong: 1 });
  });
});

/** Init refuses the configuration, so every invocation of the hour fails: a call each minute, a warm-up every fourth one. */
test.each([
  ['by day', true, { OperatorFaults: 1, 'AccountFails main': 7, CallsFail: 7 }],
  ['at night, when only warm-ups run', false, { OperatorFaults: 1 }],
] as const)(
  'promise 80: a faulty configuration rings the alarms of its code %s, and no Crashes beside them',
  async (_, isDay, expected) => {
    const watch = createWatch(oneAccount);
    onTestFinished(watch.stop);
    const [from, minuteMs] = [Date.UTC(2026, 0, 15, 12), 60_000];
    let at = from;
    const clock = { now: () => at, monotonic: () => at, sleep: () => Promise.resolve() };
    const handle = createHandler({ AWS_LAMBDA_FUNCTION_NAME: functionName }, { clock });
    const invoke = async (alias: 'http' | 'warmup', event: unknown) => {
      watch.add({ metric: lambdaMetric('Invocations', alias), at, value: 1 });
      await callFunction(handle, event, lambdaContext(alias)).catch(() =>
        watch.add({ metric: lambdaMetric('Errors', alias), at, value: 1 }),
      );
    };
    for (; at < from + 60 * minuteMs; at += minuteMs) {
      if (isDay) {
        await invoke('http', httpEvent({ account: 'main' }));
      }
      if ((at - from) % (4 * minuteMs) === 0) {
        await invoke('warmup', {});
      }
    }
    expectRung(watch.rung({ from, to: at }), expected);
  },
);

const nineMore = Array.from({ length: 9 }, (_, index) => `a${index + 1}`);

async function startTenAccounts(): Promise<Hour> {
  const template = templateWith({ accounts: Object.fromEntries(['main', ...nineMore].map((id) => [id, {}])) });
  const version = (id: string) => ({ versionId: 'v1', password: goodPassword, username: `user-${id}` });
  const options: ClusterOptions = {
    accounts: Object.fromEntries(nineMore.map((id) => [id, `fegora/${id}`])),
    secrets: Object.fromEntries(nineMore.map((id) => [`fegora/${id}`, version(id)])),
  };
  const hour = await startHour(alarmsOf(template), options);
  for (const id of nineMore) {
    hour.cluster.fegora.setPassword(`user-${id}`, goodPassword);
  }
  return hour;
}
