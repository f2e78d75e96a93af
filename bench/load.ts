// Measures a minute of constant load on the local gateway. Called by main.ts.
import { setTimeout } from 'node:timers/promises';
import { signer } from '../client/signer.ts';
import { type LocalRun, startLocalRun } from '../local/local-run.ts';

/** The calls of a minute of constant load. */
export interface LoadTimes {
  readonly calls: number;
  readonly errors: number;
  readonly logins: number;
  /** From the moment when a call was due to its answer. Milliseconds. */
  readonly ms: readonly number[];
}

const perSecond = 100;
const seconds = 60;
/** Short, so that the token is renewed a few times in the minute. */
const lifetimeSeconds = 20;

/** Makes a signed call every 10 ms. It does not wait for the answer to the call before. */
export async function load(): Promise<LoadTimes> {
  const run = await startLocalRun({ env: {} });
  try {
    run.simulator?.set({ lifetimeSeconds, delayMs: 20 });
    const begin = performance.now();
    const calls = Array.from({ length: perSecond * seconds }, async (_, index) => {
      const due = begin + (index * 1000) / perSecond;
      await setTimeout(Math.max(0, due - performance.now()));
      const isServed = await call(run);
      return { isServed, ms: performance.now() - due };
    });
    const made = await Promise.all(calls);
    const errors = made.filter(({ isServed }) => !isServed).length;
    const logins = run.simulator?.counters().logins ?? 0;
    return { calls: made.length, errors, logins, ms: made.map(({ ms }) => ms) };
  } finally {
    await run.close();
  }
}

async function call({ gateway, callers, settings }: LocalRun): Promise<boolean> {
  const sign = signer('execute-api', settings.region);
  const unsigned = { url: new URL(`${gateway.url}/token`), headers: {}, body: '' };
  const { url, headers } = await sign(unsigned, callers.all, Date.now());
  const response = await fetch(url, { method: 'POST', headers });
  await response.arrayBuffer();
  return response.ok;
}
