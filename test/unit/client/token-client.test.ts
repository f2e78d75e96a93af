import { setMaxListeners } from 'node:events';
import { describe, expect, test } from 'vitest';
import { TokenBrokerError } from '../../../client/errors.ts';
import { tokenClient } from '../../../client/token-client.ts';
import type { Answer, Ask, Question } from '../../../client/token-response.ts';
import { fingerprintOf } from '../../support/client/broker.ts';
import { createVirtualClock, settle } from '../../support/virtual-clock.ts';

/** A broker whose answers the test gives by hand. */
function slowBroker() {
  const asked: (PromiseWithResolvers<Answer> & { question: Question; signal: AbortSignal })[] = [];
  const ask: Ask = (question, signal) => {
    const answer = Promise.withResolvers<Answer>();
    signal.addEventListener('abort', () => answer.reject(signal.reason));
    asked.push({ ...answer, question, signal });
    return answer.promise;
  };
  const last = () => {
    const question = asked.at(-1);
    if (question === undefined) {
      throw new Error('nothing was asked');
    }
    return question;
  };
  return { ask, asked, last };
}

function scene() {
  const time = createVirtualClock();
  const broker = slowBroker();
  const { getToken } = tokenClient(broker.ask, { ...time, random: () => 0 });
  return { ...time, ...broker, getToken };
}

/** A scene whose client holds token-a with this many seconds left. */
async function holding(expiresIn: number) {
  const held = scene();
  const first = held.getToken();
  held.last().resolve(token('token-a', expiresIn));
  await first;
  return held;
}

function token(accessToken: string, expiresIn: number): Answer {
  return { accessToken, expiresIn, fingerprint: fingerprintOf(accessToken), account: 'a' };
}

const unavailable = (retryAfter?: number) =>
  new TokenBrokerError('upstream_unavailable', 'down', { retryable: true, retryAfter });
const unreachable = () => new TokenBrokerError('broker_unreachable', 'gone', { retryable: true });
const refused = () => new TokenBrokerError('credentials_rejected', 'no');

describe('one question', () => {
  test('50 calls at the same time are one question and 50 equal answers', async () => {
    const { getToken, asked, last } = scene();
    const calls = Array.from({ length: 50 }, () => getToken());
    await settle();
    last().resolve(token('token-a', 1799));

    expect(new Set((await Promise.all(calls)).map(({ accessToken }) => accessToken))).toEqual(new Set(['token-a']));
    expect(asked).toHaveLength(1);
  });

  test('memory answers from then on', async () => {
    const { getToken, asked } = await holding(1799);

    await expect(getToken()).resolves.toMatchObject({ accessToken: 'token-a', fingerprint: fingerprintOf('token-a') });
    expect(asked).toHaveLength(1);
  });

  test('a failure goes to all who wait, and is not kept', async () => {
    const { getToken, asked, last } = scene();
    const calls = [getToken(), getToken()];
    last().reject(refused());
    for (const call of calls) {
      await expect(call).rejects.toMatchObject({ code: 'credentials_rejected', retryable: false });
    }
    const next = getToken();
    last().resolve(token('token-a', 1799));

    await expect(next).resolves.toMatchObject({ accessToken: 'token-a' });
    expect(asked).toHaveLength(2);
  });
});

describe('signals', () => {
  test('one that leaves does not take the others along', async () => {
    const { getToken, last } = scene();
    const leaver = new AbortController();
    const left = getToken({ signal: leaver.signal });
    const stays = getToken();
    leaver.abort(new Error('in a hurry'));

    await expect(left).rejects.toThrow('in a hurry');
    expect(last().signal.aborted).toBe(false);
    last().resolve(token('token-a', 1799));
    await expect(stays).resolves.toMatchObject({ accessToken: 'token-a' });
  });

  test('one that 50 calls share is no leak to be warned of', async () => {
    const { getToken, last } = scene();
    const warnings: Error[] = [];
    const note = (warning: Error) => warnings.push(warning);
    process.on('warning', note);
    // As a signal is in Node 20, and an EventTarget of the caller's own.
    const { signal } = new AbortController();
    setMaxListeners(10, signal);
    const calls = Array.from({ length: 50 }, () => getToken({ signal }));
    await settle();
    last().resolve(token('token-a', 1799));
    await Promise.all(calls);
    process.off('warning', note);

    expect(warnings).toEqual([]);
  });

  test('the last one to leave ends the question, and the next caller asks anew', async () => {
    const { getToken, asked } = scene();
    const leaver = new AbortController();
    const left = getToken({ signal: leaver.signal });
    leaver.abort();
    await expect(left).rejects.toThrow('aborted');

    expect(asked[0]?.signal.aborted).toBe(true);
    const next = getToken();
    asked[1]?.resolve(token('token-a', 1799));
    await expect(next).resolves.toMatchObject({ accessToken: 'token-a' });
  });

  test('one that was aborted before asks nothing, and is not answered from memory either', async () => {
    const { getToken, asked } = await holding(1799);

    await expect(getToken({ signal: AbortSignal.abort() })).rejects.toThrow('aborted');
    expect(asked).toHaveLength(1);
  });

  test('a pause before another try ends with the signal', async () => {
    const { getToken, asked, last, advance } = scene();
    const leaver = new AbortController();
    const left = getToken({ signal: leaver.signal });
    last().reject(unavailable(5));
    await settle();
    leaver.abort(new Error('in a hurry'));
    await expect(left).rejects.toThrow('in a hurry');
    await advance(60_000);

    expect(asked).toHaveLength(1);
  });
});

describe('trying again', () => {
  test('what the broker calls retryable is tried again, not before it says', async () => {
    const { getToken, asked, last, advance } = scene();
    const call = getToken();
    last().reject(unavailable(7));
    await advance(6_999);
    expect(asked).toHaveLength(1);
    await advance(1);
    expect(asked).toHaveLength(2);
    last().resolve(token('token-a', 1799));

    await expect(call).resolves.toMatchObject({ accessToken: 'token-a' });
  });

  test('the pauses grow where the broker names no time', async () => {
    const { getToken, asked, last, advance } = scene();
    const call = getToken();
    for (const pauseMs of [1000, 2000, 4000, 8000, 8000]) {
      last().reject(unavailable());
      await advance(pauseMs - 1);
      const before = asked.length;
      await advance(1);
      expect(asked.length).toBe(before + 1);
    }
    last().reject(unavailable());

    await expect(call).rejects.toMatchObject({ code: 'upstream_unavailable' });
  });

  test('a time beyond the client’s patience is not waited for', async () => {
    const { getToken, asked, last } = scene();
    const call = getToken();
    last().reject(unavailable(300));

    await expect(call).rejects.toMatchObject({ retryable: true, retryAfter: 300 });
    expect(asked).toHaveLength(1);
  });

  test.each([
    ['a final refusal', refused()],
    ['no answer at all', unreachable()],
    ['what is no refusal', new Error('a fault of ours')],
  ])('%s is not tried again', async (_, failure) => {
    const { getToken, asked, last, advance } = scene();
    const call = getToken();
    last().reject(failure);

    await expect(call).rejects.toBe(failure);
    await advance(60_000);
    expect(asked).toHaveLength(1);
  });

  test('a question that heeds no signal is given up all the same', async () => {
    const clock = createVirtualClock();
    const deaf: Ask = () => new Promise(() => {});
    const call = expect(tokenClient(deaf, { ...clock, random: () => 0 }).getToken()).rejects.toMatchObject({
      code: 'broker_unreachable',
    });
    await clock.advance(30_000);

    await call;
  }, 2_000);

  test('a broker that never answers is given up after 30 s', async () => {
    const { getToken, asked, advance } = scene();
    const call = expect(getToken()).rejects.toMatchObject({ code: 'broker_unreachable', retryable: true });
    await advance(30_000);

    await call;
    expect(asked[0]?.signal.aborted).toBe(true);
  });
});

describe('early renewal', () => {
  test('one caller waits for the new token, the others go on with the old one', async () => {
    const { getToken, asked, last, advance } = await holding(1799);
    await advance(1_500_000);
    const elected = getToken();
    const others = await Promise.all([getToken(), getToken()]);
    last().resolve(token('token-b', 1799));

    expect(others.map(({ accessToken }) => accessToken)).toEqual(['token-a', 'token-a']);
    await expect(elected).resolves.toMatchObject({ accessToken: 'token-b' });
    expect(asked).toHaveLength(2);
  });

  test.each([
    ['unreachable', unreachable()],
    ['refused', refused()],
  ])('a failure (%s) costs nobody the token, and the broker has 30 s of peace', async (_, failure) => {
    const { getToken, asked, last, advance } = await holding(1799);
    await advance(1_500_000);
    const elected = getToken();
    last().reject(failure);
    await expect(elected).resolves.toMatchObject({ accessToken: 'token-a' });
    await advance(29_999);
    await getToken();
    expect(asked).toHaveLength(2);
    await advance(1);
    const next = getToken();
    expect(asked).toHaveLength(3);
    last().resolve(token('token-b', 1799));

    await expect(next).resolves.toMatchObject({ accessToken: 'token-b' });
  });

  test('a broker that asks for more peace gets it', async () => {
    const { getToken, asked, last, advance } = await holding(1799);
    await advance(1_500_000);
    const elected = getToken();
    last().reject(unavailable(120));
    await elected;
    await advance(119_999);
    await getToken();

    expect(asked).toHaveLength(2);
  });

  test('a silent broker and callers in a hurry: each has the good token, and the broker 30 s of peace', async () => {
    const { getToken, asked, advance } = await holding(1799);
    await advance(1_550_000);
    for (let call = 0; call < 4; call += 1) {
      const leaver = new AbortController();
      const served = getToken({ signal: leaver.signal });
      await advance(500);
      leaver.abort(new Error('in a hurry'));
      await expect(served).resolves.toMatchObject({ accessToken: 'token-a' });
    }

    expect(asked).toHaveLength(2);
    expect(asked[1]?.signal.aborted).toBe(true);
  });

  test('the elected caller of a silent broker is let go after 1 s', async () => {
    const { getToken, asked, advance } = await holding(1799);
    await advance(1_500_000);
    const elected = getToken();
    await advance(1_000);

    await expect(elected).resolves.toMatchObject({ accessToken: 'token-a' });
    expect(asked[1]?.signal.aborted).toBe(true);
  });

  test('the broker gone for good: the token serves until its margin and no longer', async () => {
    const { getToken, last, advance } = await holding(1799);
    let served = 0;
    for (let second = 0; second < 1738; second += 1) {
      await advance(1000);
      const call = getToken();
      last().reject(unreachable());
      served += (await call).accessToken === 'token-a' ? 1 : 0;
    }
    expect(served).toBe(1738);
    await advance(1000);
    const call = getToken();
    last().reject(unreachable());

    await expect(call).rejects.toMatchObject({ code: 'broker_unreachable' });
  });
});

describe('validity', () => {
  test('more than is left asks the broker for it, in whole seconds', async () => {
    const { getToken, last, advance } = await holding(1799);
    await advance(1_000_000);
    const call = getToken({ minValidity: 899.5 });
    expect(last().question).toEqual({ min_validity: 900 });
    last().resolve(token('token-b', 1799));

    await expect(call).resolves.toMatchObject({ accessToken: 'token-b' });
  });

  test('more than any token has asks once per half a life, not at every call', async () => {
    const time = createVirtualClock();
    let asked = 0;
    const ask = async () => {
      asked += 1;
      return token(`token-${asked}`, 1799);
    };
    const { getToken } = tokenClient(ask, { ...time, random: () => 0 });
    for (let minute = 0; minute < 60; minute += 1) {
      await getToken({ minValidity: 3600 });
      await time.advance(60_000);
    }

    expect(asked).toBe(4);
  });

  test('unmet because of a failure: the best token, with a warning, and no question for 30 s', async () => {
    const { getToken, asked, last, advance } = await holding(1799);
    await advance(1_000_000);
    const call = getToken({ minValidity: 900 });
    last().reject(unreachable());
    const best = { accessToken: 'token-a', warning: 'min_validity_unmet' };
    await expect(call).resolves.toMatchObject(best);
    await expect(getToken({ minValidity: 900 })).resolves.toMatchObject(best);

    expect(asked).toHaveLength(2);
  });

  test.each([-1, Number.NaN, Number.POSITIVE_INFINITY])('%s is no validity', async (minValidity) => {
    await expect(scene().getToken({ minValidity })).rejects.toThrow(RangeError);
  });
});

describe('a rejected token', () => {
  const rejected = fingerprintOf('token-a');

  test('50 reports at the same time are one question, and its answer is the new token', async () => {
    const { getToken, asked, last } = await holding(1799);
    const calls = Array.from({ length: 50 }, () => getToken({ rejected }));
    expect(last().question).toEqual({ rejected });
    last().resolve(token('token-b', 1799));

    expect(new Set((await Promise.all(calls)).map(({ accessToken }) => accessToken))).toEqual(new Set(['token-b']));
    await expect(getToken()).resolves.toMatchObject({ accessToken: 'token-b' });
    expect(asked).toHaveLength(2);
  });

  test('a report of an older one is answered from memory', async () => {
    const { getToken, asked } = await holding(1799);

    await expect(getToken({ rejected: fingerprintOf('token-0') })).resolves.toMatchObject({ accessToken: 'token-a' });
    expect(asked).toHaveLength(1);
  });

  test('an answer on its way at the time of the report does not bring it back', async () => {
    const { getToken, asked, advance } = await holding(1799);
    await advance(1_500_000);
    const early = getToken();
    const report = getToken({ rejected });
    asked[2]?.resolve(token('token-b', 1799));
    await report;
    asked[1]?.resolve(token('token-a', 299));
    await early;

    await expect(getToken()).resolves.toMatchObject({ accessToken: 'token-b' });
  });

  test('a report that the broker puts off is not made again', async () => {
    const { getToken, asked, last, advance } = await holding(1799);
    const report = expect(getToken({ rejected })).rejects.toMatchObject({ code: 'too_many_rejections' });
    last().reject(new TokenBrokerError('too_many_rejections', 'later', { retryable: true, retryAfter: 20 }));
    await report;
    await advance(30_000);

    expect(asked).toHaveLength(2);
  }, 2_000);

  test.each(['', 'token-a', fingerprintOf('token-a').toUpperCase()])(
    'is named by its fingerprint alone',
    async (given) => {
      const { getToken, asked } = await holding(1799);
      const thrown = await getToken({ rejected: given }).catch((error: unknown) => error);

      expect(thrown).toBeInstanceOf(TypeError);
      expect(String(thrown)).toBe('TypeError: rejected is a fingerprint, 64 hex digits in lower case');
      expect(asked).toHaveLength(1);
    },
  );

  test('others are served meanwhile', async () => {
    const { getToken, last } = await holding(1799);
    const report = getToken({ rejected });
    await expect(getToken()).resolves.toMatchObject({ accessToken: 'token-a' });
    last().reject(refused());

    await expect(report).rejects.toMatchObject({ code: 'credentials_rejected' });
  });
});
