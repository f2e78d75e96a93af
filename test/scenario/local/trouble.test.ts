// Tests that the bodies of «Trouble to try» in docs/local-run.md do to the simulator what the page says.
import { readFileSync } from 'node:fs';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type FegoraSimulator, startFegoraSimulator } from '../../../local/fegora/simulator.ts';

const page = readFileSync(new URL('../../../docs/local-run.md', import.meta.url), 'utf8');
const rows = Array.from(page.matchAll(/^\| `(\{.*\})` \| (.*) \|$/gm), ([, body = '', told = '']) => ({ body, told }));
const slept: number[] = [];
let fegora: FegoraSimulator;

beforeEach(async () => {
  const sleep = async (ms: number) => slept.push(ms);
  fegora = await startFegoraSimulator({ accounts: { 'user-of-main': 'not-a-real-password-of-main' }, sleep });
});
afterEach(() => fegora.close());

async function tell(body: string): Promise<void> {
  const { status } = await fetch(`${fegora.origin}/_control`, { method: 'POST', body });
  expect(status).toBe(200);
}

interface Login {
  readonly status: number;
  readonly access_token?: string;
  readonly expires_in?: number;
}

async function logIn(signal?: AbortSignal): Promise<Login> {
  const body = new URLSearchParams({
    grant_type: 'password',
    username: 'user-of-main',
    password: 'not-a-real-password-of-main',
    client_id: 'apiApp',
  });
  const answer = await fetch(fegora.url, { method: 'POST', body, ...(signal && { signal }) });
  const text = await answer.text();
  return { status: answer.status, ...(text.startsWith('{') ? JSON.parse(text) : {}) };
}

async function use({ access_token }: Login): Promise<number> {
  const headers = { authorization: `Bearer ${access_token}` };
  return (await fetch(`${fegora.origin}/api/whoami`, { headers })).status;
}

/** What happens, by the words of the page. */
const effects: Readonly<Record<string, (body: string) => Promise<void>>> = {
  'has another password for this user': async (body) => {
    await tell(body);
    expect(await logIn()).toMatchObject({ status: 400, error: 'invalid_grant' });
  },
  'answers 401 to every token from before': async (body) => {
    const token = await logIn();
    expect(await use(token)).toBe(200);
    await tell(body);
    expect([await use(token), await use(await logIn())]).toEqual([401, 200]);
  },
  'issues tokens that live for a minute': async (body) => {
    await tell(body);
    expect((await logIn()).expires_in).toBe(59);
  },
  'takes 3 s for each login': async (body) => {
    await tell(body);
    await logIn();
    expect(slept.at(-1)).toBe(3000);
  },
  'answers the next five logins with an error page': async (body) => {
    await tell(body);
    const statuses = [];
    for (let time = 1; time <= 6; time += 1) {
      statuses.push((await logIn()).status);
    }
    expect(statuses).toEqual([503, 503, 503, 503, 503, 200]);
  },
  'does not answer the next five logins': async (body) => {
    await tell(body);
    await expect(logIn(AbortSignal.timeout(100))).rejects.toThrow('timeout');
  },
  'has no faults any more': async (body) => {
    await tell('{"faults": [{"kind": "answer", "status": 503, "times": 5}]}');
    await tell(body);
    expect((await logIn()).status).toBe(200);
  },
};

test.each(rows)('after $body, Fegora $told', async ({ body, told }) => {
  expect(effects).toHaveProperty([told]);
  await effects[told]?.(body);
});

test('the page has every trouble of this test', () => {
  expect(rows.map(({ told }) => told)).toEqual(Object.keys(effects));
});
