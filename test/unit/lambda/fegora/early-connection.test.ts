// Tests the connection that is opened before a call needs it, on virtual time.
import { describe, expect, test } from 'vitest';
import type { Login, LoginConnection } from '../../../../lambda/broker/ports.ts';
import { BrokerError } from '../../../../lambda/errors.ts';
import { createEarlyConnection } from '../../../../lambda/fegora/early-connection.ts';
import { createVirtualClock } from '../../../support/virtual-clock.ts';

const never = new AbortController().signal;

interface Scene {
  /** How long each connection takes to open. Milliseconds. @default 100 */
  readonly openMs?: number;
  readonly isFailing?: boolean;
}

/** A way to Fegora whose connections are numbered from 1. `events` are in their order. */
function scene({ openMs = 100, isFailing = false }: Scene = {}) {
  const clock = createVirtualClock();
  const events: string[] = [];
  let wallAheadMs = 0;
  const shifted = clock.shifted(() => wallAheadMs);
  let opened = 0;
  const early = createEarlyConnection(shifted);
  const connect: Login = async (signal) => {
    const number = ++opened;
    events.push(`connect ${number}`);
    await clock.sleep(openMs, signal);
    if (signal.aborted || isFailing) {
      events.push(`failed ${number}`);
      const error = new BrokerError('upstream_timeout', `connection ${number}`);
      return { kind: 'failed', error, reached: 'no', answer: 'upstream_timeout' };
    }
    const send: LoginConnection['send'] = () => Promise.reject(new Error('not asked for here'));
    return { kind: 'connected', send, close: () => events.push(`close ${number}`) };
  };
  const jumpTo = (ms: number) => {
    wallAheadMs = ms;
  };
  const login: Login = async (signal) => (await early.take(signal)) ?? connect(signal);
  return { open: () => early.open(connect), login, clock, events, jumpTo };
}

describe('the first login', () => {
  test('gets the connection that was opened early, and the next login a new one', async () => {
    const { login, open, clock, events } = scene();
    open();
    await clock.until(login(never));
    expect(events).toEqual(['connect 1']);

    await clock.until(login(never));
    await clock.advance(10_000);
    expect(events).toEqual(['connect 1', 'connect 2']);
  });

  test('waits for the connection that is being opened', async () => {
    const { login, open, clock, events } = scene();
    open();
    await clock.advance(60);
    const connection = await clock.until(login(never));

    expect([connection.kind, clock.monotonic(), events]).toEqual(['connected', 100, ['connect 1']]);
  });

  test('opens its own when none was opened early', async () => {
    const { login, clock, events } = scene();

    expect((await clock.until(login(never))).kind).toBe('connected');
    expect(events).toEqual(['connect 1']);
  });

  test('opens its own when the early one failed, and shows why that failed', async () => {
    const { login, open, clock, events } = scene({ isFailing: true });
    open();
    await clock.advance(100);
    const connection = await clock.until(login(never));

    expect(connection).toMatchObject({ kind: 'failed', error: { message: 'connection 2' } });
    expect(events).toEqual(['connect 1', 'failed 1', 'connect 2', 'failed 2']);
  });

  test('closes the early one and opens its own when that is over two seconds old by the wall clock, as after a freeze', async () => {
    const { login, open, clock, events, jumpTo } = scene();
    open();
    await clock.advance(100);
    jumpTo(1901);
    await clock.until(login(never));

    expect(events).toEqual(['connect 1', 'close 1', 'connect 2']);
  });

  test('gets the early one when that is two seconds old', async () => {
    const { login, open, clock, events, jumpTo } = scene();
    open();
    await clock.advance(100);
    jumpTo(1900);
    await clock.until(login(never));

    expect(events).toEqual(['connect 1']);
  });

  test('stops the early one, and leaves none open, when its own time is over first', async () => {
    const { login, open, clock, events } = scene();
    open();
    const late = new AbortController();
    const result = login(late.signal);
    await clock.advance(50);
    late.abort();

    expect((await clock.until(result)).kind).toBe('failed');
    expect(events).toEqual(['connect 1', 'failed 1', 'connect 2', 'failed 2']);
  });
});

describe('the early connection', () => {
  test('is closed after two seconds when no login takes it', async () => {
    const { open, clock, events } = scene();
    open();
    await clock.advance(100);
    await clock.advance(1899);
    expect(events).toEqual(['connect 1']);

    await clock.advance(1);
    expect(events).toEqual(['connect 1', 'close 1']);
  });

  test('is given up after two seconds when it does not open', async () => {
    const { open, clock, events } = scene({ openMs: 60_000 });
    open();
    await clock.advance(2000);

    expect(events).toEqual(['connect 1', 'failed 1']);
  });
});
