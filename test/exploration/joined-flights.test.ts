import { expect, test } from 'vitest';
import type { Flight, Outcome } from '../../lambda/broker/flight.ts';
import { createSingleFlight } from '../../lambda/broker/single-flight.ts';
import { fingerprint, type Token } from '../../lambda/broker/token.ts';
import type { Want } from '../../lambda/broker/want.ts';
import { createVirtualClock, settle } from '../support/virtual-clock.ts';

const clock = createVirtualClock();

function tokenOf(name: string): Token {
  const lifetimeMs = 1_800_000;
  return { accessToken: name, fingerprint: fingerprint(name), issuedAt: clock.now(), lifetimeMs, versionId: 'v1' };
}

function outcomeOf(name: string): Outcome {
  return {
    token: tokenOf(name),
    seen: { wall: clock.now(), monotonic: clock.monotonic() },
    source: 'shared',
    kept: true,
  };
}

function flightOf(want: Partial<Want>): Flight {
  const until = clock.monotonic() + 10_000;
  return { account: 'a', want: { purpose: 'serve', minValidityMs: 0, ...want }, remaining: () => 20_000, until };
}

/** Flights that land when the test says so, in the order in which they began. */
function runway() {
  const begun: { readonly flight: Flight; readonly land: (outcome: Outcome) => void }[] = [];
  const fly = createSingleFlight(clock, (flight) => new Promise((land) => begun.push({ flight, land })));
  return { begun, fly };
}

test('whoever reports a token is not handed that token by the second flight that they join', async () => {
  const { begun, fly } = runway();
  const served = fly(flightOf({}));
  const warmed = fly(flightOf({ purpose: 'warm' }));
  const reported = fly(flightOf({ rejected: fingerprint('old') }));

  begun[0]?.land(outcomeOf('old'));
  await settle();
  begun[1]?.land(outcomeOf('old'));
  await settle();
  begun[2]?.land(outcomeOf('new'));

  expect((await served).token?.accessToken).toBe('old');
  expect((await warmed).token?.accessToken).toBe('old');
  expect((await reported).token?.accessToken).toBe('new');
  expect(begun.map(({ flight }) => flight.want.purpose)).toEqual(['serve', 'warm', 'serve']);
});

test('whoever no flight serves in time is told so, and starts none', async () => {
  const { begun, fly } = runway();
  void fly(flightOf({}));
  const reported = fly({ ...flightOf({ rejected: fingerprint('old') }), until: clock.monotonic() + 500 });

  await clock.advance(500);

  expect((await reported).failure?.code).toBe('renewal_in_progress');
  expect(begun).toHaveLength(1);
});
