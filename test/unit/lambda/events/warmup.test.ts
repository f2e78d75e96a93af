// Warm-ups and changes of secrets, with a fake broker.
import { describe, expect, it } from 'vitest';
import { withOpenAccounts } from '../../../../lambda/account-secrets.ts';
import { BrokerError, isErrorCode } from '../../../../lambda/errors.ts';
import { describeInvocation } from '../../../../lambda/events/invocation.ts';
import { createWarmupHandler } from '../../../../lambda/events/warmup.ts';
import { codeMetrics } from '../../../../lambda/telemetry/signals.ts';
import { createRandom } from '../../../exploration/random.ts';
import { brokerOf, noon, recordReports } from '../../../support/events/broker.ts';
import { foreignEvents, httpEvent, labelUpdated, lambdaContext } from '../../../support/events/events.ts';

const arn = 'arn:aws:secretsmanager:us-east-1:000000000000:secret:';
const accounts = new Map([
  ['named', 'fegora/named'],
  ['complete', `${arn}fegora/complete-AbCdEf`],
  ['partial', `${arn}fegora/partial`],
]);

interface Options {
  readonly work?: (account: string) => Promise<{ outcome: 'fresh' | 'renewed' | 'skipped'; expiresAt?: number }>;
  readonly remaining?: () => number;
  readonly of?: ReadonlyMap<string, string>;
  /** What the names of the secrets of open accounts begin with. */
  readonly open?: string;
  readonly random?: () => number;
  readonly sendDue?: (remaining: () => number, except: ReadonlySet<string>) => Promise<number>;
}

function handlerFor({
  work = async () => ({ outcome: 'fresh' }),
  remaining = () => 25_000,
  of = accounts,
  open,
  random = () => 0,
  sendDue,
}: Options = {}) {
  const worked: string[] = [];
  const record = (task: string) => (account: string) => {
    worked.push(`${task} ${account}`);
    return work(account);
  };
  const reports = recordReports();
  const broker = brokerOf({ warm: record('warm'), verify: record('verify') });
  const secrets = withOpenAccounts(of, open);
  const handle = createWarmupHandler({
    broker,
    accounts: of,
    secrets,
    random,
    report: reports.report,
    loadSendDue: async () => sendDue,
  });
  const send = (event: unknown) =>
    handle(event, describeInvocation(event, lambdaContext('warmup'), undefined), remaining);
  return { send, worked, reports };
}

const refused = () => Promise.reject(new BrokerError('credentials_rejected', 'marked'));

describe('a warm-up', () => {
  it('warms every account when the event names none', async () => {
    const { send, worked, reports } = handlerFor({ work: async () => ({ outcome: 'renewed', expiresAt: noon }) });
    const results = ['named', 'complete', 'partial'].map((account) => ({
      account,
      outcome: 'renewed',
      expires_at: '2026-11-24T12:00:00.000Z',
    }));
    expect(await send({})).toEqual({ results });
    expect(worked).toEqual(['warm named', 'warm complete', 'warm partial']);
    expect(reports.ran).toMatchObject([{ task: 'warm', results }]);
  });

  it('warms each named account once and skips those that are not configured', async () => {
    const { send, worked } = handlerFor();
    expect(await send({ accounts: ['partial', 'gone', 'constructor', 'partial', '', 'NAMED'] })).toEqual({
      results: [
        { account: 'partial', outcome: 'fresh' },
        { account: 'gone', outcome: 'skipped' },
        { account: 'constructor', outcome: 'skipped' },
        { account: '', outcome: 'skipped' },
        { account: 'NAMED', outcome: 'skipped' },
      ],
    });
    expect(worked).toEqual(['warm partial']);
    expect(await send({ accounts: [] })).toEqual({ results: [] });
  });

  it('goes on when an account fails, and answers and reports the failure', async () => {
    const work = (account: string) =>
      account === 'named' ? refused() : Promise.resolve({ outcome: 'fresh' } as const);
    const { send, reports } = handlerFor({ work });
    expect(await send({})).toEqual({
      results: [
        { account: 'named', outcome: 'failed:credentials_rejected' },
        { account: 'complete', outcome: 'fresh' },
        { account: 'partial', outcome: 'fresh' },
      ],
    });
    expect(reports.failed).toMatchObject([
      { invocation: { account: 'named' }, error: { code: 'credentials_rejected' } },
    ]);
  });

  it('answers failed:internal when the broker throws another error', async () => {
    const { send } = handlerFor({ work: () => Promise.reject(new Error('not-a-real-password')) });
    const answer = await send({ accounts: ['named'] });
    expect(answer).toEqual({ results: [{ account: 'named', outcome: 'failed:internal' }] });
  });

  it.each([
    ['deadline', 'skipped'],
    ['paused', 'paused'],
    ['unknown_account', 'skipped'],
  ] as const)('reports no failure of an account whose warm-up ends with %s', async (code, outcome) => {
    const { send, reports } = handlerFor({ work: () => Promise.reject(new BrokerError(code, 'a detail')) });
    expect(await send({ accounts: ['named'] })).toEqual({ results: [{ account: 'named', outcome }] });
    expect(reports.failed).toEqual([]);
  });

  it('reports the failure of an account whose warm-up ends with any other code, so that its alarm rings', async () => {
    const silent = [];
    for (const code of Object.keys(codeMetrics).filter(isErrorCode)) {
      const { send, reports } = handlerFor({ work: () => Promise.reject(new BrokerError(code, 'a detail')) });
      await send({ accounts: ['named'] });
      silent.push(...(reports.failed.length === 0 ? [code] : []));
    }
    expect(silent.sort()).toEqual(['deadline', 'paused', 'unknown_account']);
  });

  it('skips an account when less than 10 s are left', async () => {
    let leftMs = 10_001;
    const { send, worked } = handlerFor({ remaining: () => --leftMs });
    expect(await send({})).toEqual({
      results: [
        { account: 'named', outcome: 'fresh' },
        { account: 'complete', outcome: 'skipped' },
        { account: 'partial', outcome: 'skipped' },
      ],
    });
    expect(worked).toEqual(['warm named']);
  });

  it.each([
    ['the first', 0, ['named', 'complete', 'partial']],
    ['the second', 0.34, ['complete', 'partial', 'named']],
    ['the last', 0.99, ['partial', 'named', 'complete']],
    ['the first again', 1, ['named', 'complete', 'partial']],
  ])('begins at %s account by the random number %d, and answers in the order of the list', async (_, random, order) => {
    const { send, worked } = handlerFor({ random: () => random });
    const results = [...accounts.keys()].map((account) => ({ account, outcome: 'fresh' }));
    expect(await send({})).toEqual({ results });
    expect(worked).toEqual(order.map((account) => `warm ${account}`));
  });

  it('gives every account its turn over several ticks while all logins hang', async () => {
    const many = new Map(Array.from({ length: 25 }, (_, index) => [`a${index}`, `s${index}`]));
    const random = createRandom(1);
    const turns = new Map<string, number>();
    for (let tick = 0; tick < 15; tick += 1) {
      // Each login takes 8 s of the 25 s that the function has, and five accounts are at work at the same time.
      let started = 0;
      const remaining = () => 25_000 - Math.floor(started / 5) * 8_000;
      const work = async (account: string) => {
        started += 1;
        turns.set(account, (turns.get(account) ?? 0) + 1);
        await Promise.resolve();
        throw new BrokerError('upstream_timeout', 'no answer');
      };
      await handlerFor({ of: many, work, remaining, random }).send({});
    }
    expect([...turns.values()].reduce((sum, count) => sum + count, 0)).toBeLessThan(15 * 25);
    expect([...many.keys()].filter((account) => !turns.has(account))).toEqual([]);
  });

  it('warms five accounts at a time and answers in their order', async () => {
    const many = new Map(Array.from({ length: 23 }, (_, index) => [`a${index}`, `s${index}`]));
    let running = 0;
    let most = 0;
    const work = async (account: string) => {
      running += 1;
      most = Math.max(most, running);
      for (let turns = Number(account.slice(1)) % 4; turns >= 0; turns -= 1) {
        await Promise.resolve();
      }
      running -= 1;
      return { outcome: 'fresh' } as const;
    };
    const { send } = handlerFor({ work, of: many });
    expect(await send({})).toEqual({ results: [...many.keys()].map((account) => ({ account, outcome: 'fresh' })) });
    expect(most).toBe(5);
  });

  it.each<[string, unknown]>([
    ['null', null],
    ['undefined', undefined],
    ['a string', 'all'],
    ['an array', ['named']],
    ['accounts that are not a list', { accounts: 'named' }],
    ['accounts that are null', { accounts: null }],
    ['accounts that are not strings', { accounts: [1] }],
    ['accounts of 6 MB', { accounts: ['a'.repeat(6_000_000)] }],
    ['too many accounts', { accounts: Array.from({ length: 1001 }, () => 'named') }],
    ['an unknown member', { accounts: ['named'], force: true }],
    ['a prototype key', JSON.parse('{"__proto__":{"accounts":[]}}')],
    ['an operator’s command', { action: 'purge', account: 'named' }],
    ['a proxy event', httpEvent()],
    // The queue of warm-ups sends events of SQS.
    ...Object.entries(foreignEvents).filter(([service]) => service !== 'sqs'),
  ])('is invalid_request when the event is %s', async (_name, event) => {
    const { send, worked } = handlerFor();
    await expect(send(event)).rejects.toMatchObject({ code: 'invalid_request' });
    expect(worked).toEqual([]);
  });
});

/** An event as Lambda makes it of messages. The id of each message is `m` and its place, from 1. */
function batch(...bodies: readonly string[]) {
  return {
    Records: bodies.map((body, index) => ({
      messageId: `m${index + 1}`,
      body,
      eventSource: 'aws:sqs',
      eventSourceARN: 'arn:aws:sqs:us-east-1:000000000000:due',
    })),
  };
}

const messageOf = (account: string) => JSON.stringify({ account });

describe('promise 64: messages of the queue', () => {
  it('warms the account of each message, once, and gives none back', async () => {
    const { send, worked, reports } = handlerFor();
    const event = batch(messageOf('named'), messageOf('partial'), messageOf('named'));
    expect(await send(event)).toEqual({ batchItemFailures: [] });
    expect(worked).toEqual(['warm named', 'warm partial']);
    expect(reports.ran).toMatchObject([{ task: 'warm', results: [{ account: 'named' }, { account: 'partial' }] }]);
  });

  it('starts all five at once, so that an account that hangs does not delay another', async () => {
    const ends: string[] = [];
    const { promise: hanging, resolve: end } = Promise.withResolvers<void>();
    const work = async (account: string) => {
      await (account === 'a-1' ? hanging : Promise.resolve());
      ends.push(account);
      return { outcome: 'renewed' } as const;
    };
    const { send } = handlerFor({ work });
    const answer = send(batch(...[1, 2, 3, 4, 5].map((number) => messageOf(`a-${number}`))));
    await expect.poll(() => ends).toEqual(['a-2', 'a-3', 'a-4', 'a-5']);
    end();
    expect(await answer).toEqual({ batchItemFailures: [] });
  });

  it('gives a failed login back to no queue, and reports it', async () => {
    const { send, reports } = handlerFor({ work: refused });
    expect(await send(batch(messageOf('named')))).toEqual({ batchItemFailures: [] });
    expect(reports.failed).toMatchObject([{ error: { code: 'credentials_rejected' } }]);
  });

  it('gives back only what it had no time for', async () => {
    const late = (account: string) =>
      account === 'partial'
        ? Promise.reject(new BrokerError('deadline', 'no time'))
        : Promise.resolve({ outcome: 'fresh' } as const);
    const { send } = handlerFor({ work: late });
    const answer = await send(batch(messageOf('named'), messageOf('partial')));
    expect(answer).toEqual({ batchItemFailures: [{ itemIdentifier: 'm2' }] });

    const { send: sendLate, worked } = handlerFor({ remaining: () => 9999 });
    expect(await sendLate(batch(messageOf('named')))).toEqual({ batchItemFailures: [{ itemIdentifier: 'm1' }] });
    expect(worked).toEqual([]);
  });

  it.each(['', 'named', '{}', '{"account":1}', '{"account":"NAMED"}', '{"account":"a","force":{"b":1}}}'])(
    'gives back the message %o, which it cannot understand, so that it becomes a dead letter',
    async (body) => {
      const { send, worked } = handlerFor();
      const answer = await send(batch(body, messageOf('named')));
      expect(answer).toEqual({ batchItemFailures: [{ itemIdentifier: 'm1' }] });
      expect(worked).toEqual(['warm named']);
    },
  );

  it('lets the broker note that an account is gone, and reports no failure of it', async () => {
    const gone = () => Promise.reject(new BrokerError('unknown_account', 'no secret'));
    const { send, worked, reports } = handlerFor({ work: gone });
    expect(await send(batch(messageOf('gone')))).toEqual({ batchItemFailures: [] });
    expect(worked).toEqual(['warm gone']);
    expect(reports.failed).toEqual([]);
  });
});

describe('promise 64: the tick', () => {
  it('sends what is due, and logs in to nothing itself', async () => {
    const left: number[] = [];
    const excepted: string[][] = [];
    const sendDue: NonNullable<Options['sendDue']> = async (remaining, except) => {
      excepted.push([...except]);
      return left.push(remaining()) + 6;
    };
    const { send, worked } = handlerFor({ sendDue });
    expect(await send({ due: true })).toEqual({ sent: 7 });
    expect(await send({ due: true, except: ['main'] })).toEqual({ sent: 8 });
    expect(left).toEqual([25_000, 25_000]);
    expect(excepted).toEqual([[], ['main']]);
    expect(worked).toEqual([]);
  });

  it.each([
    { due: true, except: 'main' },
    { due: true, except: [1] },
    { due: true, more: [] },
    { due: false, except: [] },
  ])('is invalid_request in another form: %o', async (event) => {
    await expect(handlerFor({ sendDue: async () => 1 }).send(event)).rejects.toMatchObject({ code: 'invalid_request' });
  });

  it('is invalid_request when there is no queue', async () => {
    await expect(handlerFor().send({ due: true })).rejects.toMatchObject({ code: 'invalid_request' });
  });
});

describe('promise 22: the event that a secret changed', () => {
  it.each([
    ['named', 'fegora/named', 'fegora/named-AbCdEf'],
    ['complete', 'fegora/complete', 'fegora/complete-AbCdEf'],
    ['partial', 'fegora/partial', 'fegora/partial-AbCdEf'],
  ])('verifies the account %s when its secret changed', async (account, name, id) => {
    const { send, worked, reports } = handlerFor();
    expect(await send(labelUpdated({ name, arn: `${arn}${id}` }))).toEqual({
      results: [{ account, outcome: 'fresh' }],
    });
    expect(worked).toEqual([`verify ${account}`]);
    expect(reports.ran).toMatchObject([{ task: 'verify' }]);
  });

  it.each([
    ['its name', { resources: [] }],
    ['its ARN', { detail: { labelUpdated: 'AWSCURRENT' } }],
  ])('recognizes a secret when the event has only %s', async (_way, members) => {
    for (const account of accounts.keys()) {
      const { send, worked } = handlerFor();
      await send({ ...labelUpdated({ name: `fegora/${account}`, arn: `${arn}fegora/${account}-AbCdEf` }), ...members });
      expect(worked).toEqual([`verify ${account}`]);
    }
  });

  it.each([
    ['another secret', { name: 'other', arn: `${arn}other-AbCdEf` }],
    ['a secret whose name has the same beginning', { name: 'fegora/named2', arn: `${arn}fegora/named2-AbCdEf` }],
    ['another label', { name: 'fegora/named', arn: `${arn}fegora/named-AbCdEf`, label: 'AWSPREVIOUS' }],
    ['a label that a user made', { name: 'fegora/named', arn: `${arn}fegora/named-AbCdEf`, label: 'awscurrent' }],
  ])('verifies no account when the event is about %s', async (_name, change) => {
    const { send, worked } = handlerFor();
    expect(await send(labelUpdated(change))).toEqual({ results: [] });
    expect(worked).toEqual([]);
  });

  it.each<[string, object]>([
    ['no detail', { detail: null }],
    ['a name that is not a string', { detail: { name: 1, labelUpdated: 'AWSCURRENT' }, resources: 'none' }],
    ['resources that are not strings', { detail: { labelUpdated: 'AWSCURRENT' }, resources: [null, 1, {}] }],
  ])('verifies no account when the event has %s', async (_name, members) => {
    const { send } = handlerFor();
    const event = { ...labelUpdated({ name: 'fegora/named', arn: `${arn}fegora/named-AbCdEf` }), ...members };
    expect(await send(event)).toEqual({ results: [] });
  });

  it('answers a failure as a result when Fegora refuses the new version', async () => {
    const { send } = handlerFor({ work: refused });
    expect(await send(labelUpdated({ name: 'fegora/named', arn: `${arn}fegora/named-AbCdEf` }))).toEqual({
      results: [{ account: 'named', outcome: 'failed:credentials_rejected' }],
    });
  });
});

describe('with open accounts', () => {
  it('warms an open account that is named, and without a list only the listed ones', async () => {
    const { send, worked } = handlerFor({ open: 'fegora/' });
    await send({ accounts: ['tienda-1', 'Tienda', 'named'] });
    await send({});
    expect(worked).toEqual(['warm tienda-1', 'warm named', 'warm named', 'warm complete', 'warm partial']);
  });

  it.each([
    ['an open account', 'fegora/tienda-1', ['tienda-1']],
    ['a listed account with the name that an open one would have', 'fegora/named', ['named']],
    ['a listed account with another name', 'fegora/complete', ['complete']],
    ['an id that is malformed', 'fegora/Tienda', []],
    ['a name below another prefix', 'fegora/more/tienda-1', []],
    ['a name that only ends like one', 'x-fegora/tienda-1', []],
  ])('verifies by the name of the secret: %s', async (_, name, verified) => {
    const { send, worked } = handlerFor({ open: 'fegora/' });
    await send(labelUpdated({ name, arn: `${arn}${name}-AbCdEf` }));
    expect(worked).toEqual(verified.map((account) => `verify ${account}`));
  });
});
