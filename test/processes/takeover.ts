import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { createCallDynamo } from '../../lambda/aws/dynamodb.ts';
import { type Parsed, parseRecord } from '../../lambda/aws/item-record.ts';
import type { FegoraCounters } from '../../local/fegora/server.ts';
import { createGate, type Gate, type GatedDoor, startGatedDoor, startGatedTable } from './breakpoints.ts';
import { type Process, type Reply, startProcess, startProcesses } from './process.ts';
import { startServers, tableName, userOf } from './servers.ts';

/** Where a leader can be caught, in the order in which it gets there. */
export type Point = 'after the claim' | 'after the answer' | 'before publishing' | 'after publishing';

/** A process that has got to a point and no further. */
export interface Leader {
  readonly process: Process;
  readonly gate: Gate;
  /** To the call that made it the leader. */
  readonly answer: Promise<Reply>;
}

/** Two followers, and as many leaders as are asked for, each of an account of its own. */
export interface Stage {
  readonly lead: (account: string, point: Point) => Promise<Leader>;
  /** Both followers ask until they are served. */
  readonly takeOver: (account: string) => Promise<{ readonly tookMs: number; readonly replies: readonly Reply[] }>;
  readonly stored: (account: string) => Promise<Parsed>;
  readonly counted: (account: string) => FegoraCounters['users'][string] | undefined;
  readonly close: () => Promise<void>;
}

const rehearsals = ['rehearsal-1', 'rehearsal-2'];

export async function startStage(accounts: readonly string[]): Promise<Stage> {
  /** Users whose next login Fegora does, and does not answer. */
  const silences = new Map<string, ReturnType<typeof createGate>>();
  const servers = await startServers([...accounts, ...rehearsals], {
    beforeAnswer: async ({ username = '' }) => {
      const silence = silences.get(username);
      silences.delete(username);
      await silence?.pass();
    },
  });
  const table = await startGatedTable(servers.tableUrl);
  const followers = await startProcesses(servers.env, rehearsals);
  const closing = followers.map(({ end }) => end);
  return {
    lead,
    takeOver,
    stored,
    counted: (account) => servers.fegora.counters().users[userOf(account)],
    close: async () => {
      await Promise.all(closing.map((close) => close()));
      await Promise.all([servers.close(), table.close()]);
    },
  };

  async function lead(account: string, point: Point): Promise<Leader> {
    const { gate, env } = await gateAt(account, point);
    const process = await startProcess({ ...servers.env, AWS_ENDPOINT_URL_DYNAMODB: table.url, ...env });
    closing.push(process.end);
    for (;;) {
      const answer = process.ask(account);
      const reply = await Promise.race([gate.reached, answer]);
      if (reply === undefined) {
        return { process, gate, answer };
      }
      // Its first call loads and compiles, and on a busy machine may run out of time before it gets anywhere.
      if (reply.error === undefined) {
        throw new Error(`the leader got past «${point}»`);
      }
    }
  }

  async function gateAt(account: string, point: Point): Promise<{ gate: Gate; env?: Record<string, string> }> {
    switch (point) {
      case 'after the claim': {
        const door = await startGatedDoor(servers.fegora.origin);
        closing.push(door.close);
        return { gate: door.gate, env: await trust(account, door) };
      }
      case 'after the answer': {
        const gate = createGate();
        silences.set(userOf(account), gate);
        return { gate };
      }
      case 'before publishing':
        return { gate: table.holdPublish(account, 'before') };
      case 'after publishing':
        return { gate: table.holdPublish(account, 'after') };
    }
  }

  async function trust(account: string, { authority, tokenUrl }: GatedDoor): Promise<Record<string, string>> {
    const file = join(servers.folder, `${account}.pem`);
    await writeFile(file, authority);
    return { NODE_EXTRA_CA_CERTS: file, FEGORA_TOKEN_URL: tokenUrl };
  }

  async function takeOver(account: string) {
    const began = performance.now();
    const replies = await Promise.all(followers.map((follower) => askUntilServed(follower, account)));
    return { tookMs: performance.now() - began, replies };
  }

  async function stored(account: string): Promise<Parsed> {
    const keys = () => ({ accessKeyId: 'local', secretAccessKey: 'not-a-real-key' });
    const call = createCallDynamo({ region: 'us-east-1', endpoint: servers.tableUrl, keys });
    const input = { TableName: tableName, Key: { account: { S: account } }, ConsistentRead: true };
    const { output } = await call('GetItem', input, new AbortController().signal);
    return parseRecord(account, Reflect.get(Object(output), 'Item'));
  }
}

/** Whoever waits for a leader may be told to come again, and nothing else. */
async function askUntilServed(follower: Process, account: string): Promise<Reply> {
  for (;;) {
    const reply = await follower.ask(account);
    if (reply.error === undefined) {
      return reply;
    }
    if (reply.error !== 'RenewalInProgress') {
      throw new Error(`a follower was answered ${reply.error}`);
    }
    await setTimeout(100);
  }
}
