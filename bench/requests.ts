// Measures the function of FegoraRequests: cold starts, later calls, and its size. Called by main.ts.
import { createHash } from 'node:crypto';
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { buildProbe } from '../build.ts';
import { localCallers } from '../local/gateway/callers.ts';
import { type Gateway, startGateway } from '../local/gateway/gateway.ts';
import type { Contestant, Contestants } from './contestants.ts';
import { startEnvironment } from './environment.ts';
import { type Servers, usernameOf } from './servers.ts';

/** Times of one kind, one value for each round or call. Milliseconds. */
interface Times {
  readonly name: string;
  readonly ms: readonly number[];
  /** From the spawn until the runtime client asked for an event. */
  readonly initMs?: readonly number[];
}

/** What the case measures. */
export interface RequestTimes {
  /** The floor, then the function, whose broker has a token. To Fegora's answer. */
  readonly cold: readonly Times[];
  /** Calls of one environment after its first one. */
  readonly warm: Times;
  /** What a process loads. Bytes. */
  readonly bytes: number;
}

const account = 'bench';
const callsPerRound = 20;
const request = { method: 'GET', path: '/api/whoami' };

/** Each round starts a process of the floor and one of the function, and calls the function some times more. */
export async function measureRequests(
  { floor, runtime }: Contestants,
  servers: Servers,
  rounds: number,
): Promise<RequestTimes> {
  const folder = join(import.meta.dirname, 'dist/requests');
  await buildProbe(folder);
  const broker = await startBroker(servers);
  const contestant = contestantOf(floor, folder, broker, servers);
  const [cold, init, floorMs, warm]: [number[], number[], number[], number[]] = [[], [], [], []];
  try {
    // The first round is not counted.
    for (let round = -1; round < rounds; round++) {
      const [first, ...others] = await callsOf(contestant, runtime);
      const { ms: [ofFloor] = [] } = await startOf(floor, runtime);
      if (round >= 0) {
        cold.push(first?.ms ?? Number.NaN);
        init.push(first?.initMs ?? Number.NaN);
        floorMs.push(ofFloor ?? Number.NaN);
        warm.push(...others.map(({ ms }) => ms));
      }
    }
  } finally {
    await broker.close();
  }
  return {
    cold: [
      { name: 'floor', ms: floorMs },
      { name: 'requests', ms: cold, initMs: init },
    ],
    warm: { name: 'requests, later calls', ms: warm },
    bytes: await bytesIn(folder),
  };
}

/** Answers with one token: the time of the broker is not that of the function. It checks signatures as AWS does. */
async function startBroker({ env, fegora }: Servers): Promise<Gateway> {
  env('requests');
  const username = usernameOf('requests');
  const body = new URLSearchParams({
    grant_type: 'password',
    client_id: 'apiApp',
    username,
    password: `not-a-real-password-of-requests`,
  });
  const { access_token, expires_in } = Object(await (await fetch(fegora.url, { method: 'POST', body })).json());
  const token_sha256 = createHash('sha256').update(String(access_token)).digest('hex');
  const handler = async () => ({ access_token, expires_in, account, token_sha256 });
  return startGateway({ handler, callers: [caller], aliases: [`account-${account}`] });
}

const caller = localCallers(account).first;

function contestantOf(floor: Contestant, folder: string, broker: Gateway, servers: Servers): Contestant {
  const { accessKeyId, secretAccessKey, sessionToken = '' } = caller;
  return {
    ...floor,
    name: 'requests',
    folder,
    alias: `account-${account}`,
    env: {
      _HANDLER: 'requests.handler',
      FEGORA_BROKER_FUNCTION: broker.functionName,
      FEGORA_ORIGIN: servers.fegora.origin,
      AWS_ENDPOINT_URL_LAMBDA: broker.url,
      AWS_ACCESS_KEY_ID: accessKeyId,
      AWS_SECRET_ACCESS_KEY: secretAccessKey,
      AWS_SESSION_TOKEN: sessionToken,
    },
  };
}

/** The first call, and some more. */
async function callsOf(contestant: Contestant, runtime: string) {
  const { ms, initMs } = await startOf(contestant, runtime, callsPerRound);
  return ms.map((one) => ({ ms: one, initMs }));
}

/** @throws Error if a call has no answer of Fegora */
async function startOf(contestant: Contestant, runtime: string, more = 0): Promise<{ ms: number[]; initMs: number }> {
  const environment = await startEnvironment(contestant, runtime);
  try {
    const ms: number[] = [];
    for (let call = 0; call <= more; call++) {
      const answer = await environment.call(request);
      if (answer.status !== 200) {
        throw new Error(`${contestant.name} answered ${JSON.stringify(answer)}`);
      }
      ms.push(answer.ms);
    }
    return { ms, initMs: environment.initMs() };
  } finally {
    await environment.stop();
  }
}

async function bytesIn(folder: string): Promise<number> {
  const sizes = await Promise.all(['requests.mjs', 'client-parts.js'].map((name) => stat(join(folder, name))));
  return sizes.reduce((sum, { size }) => sum + size, 0);
}
