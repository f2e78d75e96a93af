// Simulates a day of clients and counts their broker calls and the logins.
import { expect, test } from 'vitest';
import { createTokenClient } from '../../../client/index.ts';
import { captureOutput } from '../../support/capture.ts';
import { startGatewaySystem } from '../../support/client/gateway-system.ts';
import { full } from '../../support/counts.ts';
import { skippingClock } from '../../support/skipping-clock.ts';

const minuteMs = 60_000;

interface Day {
  readonly clients: number;
  readonly environments: number;
  readonly warmUps: boolean;
}

/** Simulates a day: every client asks for its token once a minute, and Fegora's tokens live 30 minutes. */
async function simulateDay({ clients, environments, warmUps }: Day) {
  const clock = skippingClock();
  const system = await startGatewaySystem({
    accounts: ['one'],
    environments,
    handlerOptions: { clock, random: Math.random },
  });
  const settings = { endpoint: system.gateway.url, region: 'us-east-1', credentials: system.callers.all };
  const callers = Array.from({ length: clients }, () => createTokenClient(settings, { ...clock, random: Math.random }));
  const capture = captureOutput();
  let shortestLeft = Number.POSITIVE_INFINITY;
  for (let minute = 0; minute < 24 * 60; minute += 1) {
    if (warmUps && minute % 4 === 0) {
      await system.entryPoints.warmup();
    }
    const tokens = await Promise.all(callers.map(({ getToken }) => getToken()));
    shortestLeft = Math.min(shortestLeft, ...tokens.map(({ expiresAt }) => expiresAt - clock.now()));
    clock.skip(minuteMs);
  }
  capture.stop();
  const { logins } = system.servers.fegora.counters();
  await system.close();
  const calls = clients * 24 * 60;
  return { clients, environments, warmUps, calls, brokerCalls: system.invoked.length, logins, shortestLeft };
}

test('a day of 30-minute tokens needs one broker call per client and token, and one login per token', async () => {
  const days = [
    await simulateDay({ clients: 1, environments: 1, warmUps: false }),
    await simulateDay({ clients: full(20, 3), environments: full(5, 2), warmUps: true }),
  ];
  console.table(days.map(({ shortestLeft, ...day }) => ({ ...day, shortestLeftSeconds: shortestLeft / 1000 })));

  for (const { clients, brokerCalls, logins, shortestLeft } of days) {
    // The broker renews a 30-minute token up to 10 minutes early, and a client that starts late has even less of it.
    expect(logins).toBeLessThanOrEqual((24 * 60) / 20 + 1);
    expect(brokerCalls / clients).toBeLessThanOrEqual((24 * 60) / 15);
    expect(shortestLeft).toBeGreaterThan(minuteMs);
  }
}, 240_000);
