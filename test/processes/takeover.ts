// A leader process that stops at a breakpoint, and two followers. Used by the killed- and stopped-leader tests.
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { type Parsed, parseRecord } from '../../lambda/aws/item-record.ts';
import type { GrantType } from '../../lambda/broker/ports.ts';
import type { FegoraCounters } from '../../local/fegora/counters.ts';
import {
  type Breakpoint,
  createBreakpoint,
  startTableWithBreakpoints,
  startTlsProxyWithBreakpoint,
  type TlsProxyWithBreakpoint,
} from './breakpoints.ts';
import { type Process, type Reply, startProcess, startProcesses } from './process.ts';
import { callTable, leaveRefreshTokens } from './renewal.ts';
import { startServers, tableName, userOf } from './servers.ts';

/** Where a leader can stop, in the order of its login. */
export type Point =
  | 'while connecting'
  | 'after the claim'
  | 'after the answer'
  | 'before publishing'
  | 'after publishing';

/** A process that has stopped at a breakpoint during its login. */
export interface Leader {
  readonly process: Process;
  readonly breakpoint: Breakpoint;
  /** Answer to the call that made it the leader. */
  readonly answer: Promise<Reply>;
}

/** Two followers and any number of leaders. Each leader has its own account. */
export interface Takeover {
  /** Starts a process and resolves when it has stopped at the point. */
  readonly startLeader: (account: string, point: Point) => Promise<Leader>;
  /** Lets both followers ask until they are served. Says when the first and when both were. */
  readonly askFollowers: (
    account: string,
  ) => Promise<{ readonly firstMs: number; readonly tookMs: number; readonly replies: readonly Reply[] }>;
  /** Reads the account's item. */
  readonly stored: (account: string) => Promise<Parsed>;
  /** Returns Fegora's counters for the account's user. */
  readonly counted: (account: string) => FegoraCounters['users'][string] | undefined;
  readonly close: () => Promise<void>;
}

const warmUpAccounts = ['warm-up-1', 'warm-up-2'];

/** Starts the servers and both followers. In refresh mode, each account has a refresh token and no token. */
export async function startTakeover(accounts: readonly string[], renewWith: GrantType = 'password'): Promise<Takeover> {
  /** Breakpoints between Fegora's next login of a user and its answer. */
  const answerBreakpoints = new Map<string, ReturnType<typeof createBreakpoint>>();
  const servers = await startServers([...accounts, ...warmUpAccounts], {
    renewWith,
    beforeAnswer: async ({ username = '' }) => {
      const breakpoint = answerBreakpoints.get(username);
      answerBreakpoints.delete(username);
      await breakpoint?.wait();
    },
  });
  if (renewWith === 'refresh_token') {
    await leaveRefreshTokens(servers, accounts);
  }
  const table = await startTableWithBreakpoints(servers.tableUrl);
  const followers = await startProcesses(servers.env, warmUpAccounts);
  const closing = followers.map(({ end }) => end);
  return {
    startLeader,
    askFollowers,
    stored,
    counted: (account) => servers.fegora.counters().users[userOf(account)],
    close: async () => {
      await Promise.all(closing.map((close) => close()));
      await Promise.all([servers.close(), table.close()]);
    },
  };

  async function startLeader(account: string, point: Point): Promise<Leader> {
    const { breakpoint, env } = await breakpointAt(account, point);
    const process = await startProcess({ ...servers.env, AWS_ENDPOINT_URL_DYNAMODB: table.url, ...env });
    closing.push(process.end);
    for (;;) {
      const answer = process.ask(account);
      const reply = await Promise.race([breakpoint.reached, answer]);
      if (reply === undefined) {
        return { process, breakpoint, answer };
      }
      // The first call also loads and compiles the code, so it may run out of time on a busy machine. Then it asks again.
      if (reply.error === undefined) {
        throw new Error(`the leader did not stop at the point «${point}»`);
      }
    }
  }

  async function breakpointAt(
    account: string,
    point: Point,
  ): Promise<{ breakpoint: Breakpoint; env?: Record<string, string> }> {
    switch (point) {
      case 'while connecting': {
        const proxy = await startTlsProxyWithBreakpoint(servers.fegora.origin);
        closing.push(proxy.close);
        return { breakpoint: proxy.breakpoint, env: await envFor(account, proxy) };
      }
      case 'after the claim':
        return { breakpoint: table.breakAt(account, 'claim', 'after') };
      case 'after the answer': {
        const breakpoint = createBreakpoint();
        answerBreakpoints.set(userOf(account), breakpoint);
        return { breakpoint };
      }
      case 'before publishing':
        return { breakpoint: table.breakAt(account, 'publish', 'before') };
      case 'after publishing':
        return { breakpoint: table.breakAt(account, 'publish', 'after') };
    }
  }

  /** Returns the variables that send a leader's logins through the proxy. */
  async function envFor(
    account: string,
    { authority, tokenUrl }: TlsProxyWithBreakpoint,
  ): Promise<Record<string, string>> {
    const file = join(servers.folder, `${account}.pem`);
    await writeFile(file, authority);
    return { NODE_EXTRA_CA_CERTS: file, FEGORA_TOKEN_URL: tokenUrl };
  }

  async function askFollowers(account: string) {
    const startedAt = performance.now();
    const asked = followers.map((follower) => askUntilServed(follower, account));
    await Promise.race(asked);
    const firstMs = performance.now() - startedAt;
    const replies = await Promise.all(asked);
    return { firstMs, tookMs: performance.now() - startedAt, replies };
  }

  async function stored(account: string): Promise<Parsed> {
    const input = { TableName: tableName, Key: { account: { S: account } }, ConsistentRead: true };
    const { output } = await callTable(servers.tableUrl)('GetItem', input, new AbortController().signal);
    return parseRecord(account, Reflect.get(Object(output), 'Item'));
  }
}

/** Asks until a token comes. While a leader logs in, the only allowed error is `renewal_in_progress`. */
async function askUntilServed(follower: Process, account: string): Promise<Reply> {
  for (;;) {
    const reply = await follower.ask(account);
    if (reply.error === undefined) {
      return reply;
    }
    if (reply.error !== 'RenewalInProgress') {
      throw new Error(`a follower got the error ${reply.error}`);
    }
    await setTimeout(100);
  }
}
