import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { text } from 'node:stream/consumers';
import { type Controls, obey, parseCommand } from './control.ts';
import { createFaultQueue, errorPage, type FaultQueue, play } from './faults.ts';
import { parseForm } from './form.ts';
import { type Answer, createGrants, type Grants } from './grants.ts';
import { createPasswords, type Passwords } from './passwords.ts';
import { createRefreshRows, type RefreshRows } from './refresh-rows.ts';
import type { FegoraSettings } from './settings.ts';
import { countLogins, createTraffic, type LoginCounts, type Passage, type Traffic } from './traffic.ts';

/** Everything the simulator has counted, as `GET /_control` shows it. */
export interface FegoraCounters extends LoginCounts {
  readonly users: Readonly<Record<string, LoginCounts & { readonly bricked: boolean; readonly locked: boolean }>>;
  /** Requests to the token endpoint that were no password grants. */
  readonly otherGrants: number;
  /** Those of them that yielded a token. */
  readonly refreshes: number;
  /** Requests to paths that Fegora does not have. */
  readonly unexpected: number;
  readonly apiCalls: number;
  /** API calls answered 401. */
  readonly apiRefusals: number;
}

/** What the simulated server is made of. */
export interface Fegora {
  readonly settings: FegoraSettings;
  readonly passwords: Passwords;
  readonly grants: Grants;
  readonly rows: RefreshRows;
  readonly faults: FaultQueue;
  readonly traffic: Traffic;
  readonly elsewhere: { unexpected: number; apiCalls: number; apiRefusals: number };
  readonly surroundings: Surroundings;
  readonly controls: Controls;
}

/** What the simulated server takes from its surroundings. */
export interface Surroundings {
  /** Wall clock, epoch milliseconds. */
  readonly now: () => number;
  /** How `delayMs` is waited for. */
  readonly sleep: (ms: number) => Promise<unknown>;
  /** Runs when the server has done its work and before it answers. */
  readonly beforeAnswer: (passage: Passage) => Promise<void> | void;
}

/** Puts the simulated server together, without accounts. */
export function createFegora(settings: FegoraSettings, surroundings: Surroundings): Fegora {
  const passwords = createPasswords(settings, surroundings.now);
  const rows = createRefreshRows();
  const grants = createGrants({ settings, passwords, rows, now: surroundings.now });
  const faults = createFaultQueue();
  const traffic = createTraffic();
  const elsewhere = { unexpected: 0, apiCalls: 0, apiRefusals: 0 };
  const controls: Controls = {
    set: (changed) => {
      Object.assign(settings, changed);
    },
    setPassword: passwords.set,
    addFault: faults.add,
    clearFaults: faults.clear,
    changeKey: grants.changeKey,
    brick: (username) => rows.brick(username, settings.clientId),
    unbrick: rows.unbrick,
    resetCounters: () => {
      traffic.reset();
      Object.assign(elsewhere, { unexpected: 0, apiCalls: 0, apiRefusals: 0 });
    },
  };
  return { settings, passwords, rows, grants, faults, traffic, elsewhere, surroundings, controls };
}

/** Answers one request of any kind. */
export async function serve(fegora: Fegora, request: IncomingMessage, response: ServerResponse): Promise<void> {
  switch (new URL(request.url ?? '', 'http://fegora.invalid').pathname) {
    case '/token':
      return serveToken(fegora, request, response);
    case '/api/whoami':
      return serveApi(fegora, request, response);
    case '/_control':
      return serveControl(fegora, request, response);
    default:
      fegora.elsewhere.unexpected += 1;
      send(response, 404, { Message: 'No HTTP resource was found that matches the request URI.' });
  }
}

async function serveToken(fegora: Fegora, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { faults, grants, rows, settings, surroundings, traffic } = fegora;
  const passage = traffic.arrive(surroundings.now());
  const snapshot = rows.snapshot();
  noticeHangUp(passage, request, response);
  try {
    const form = parseForm(await text(request));
    if (form.get('grant_type') === 'password') {
      passage.username = form.get('username') ?? '';
    }
    const fault = faults.take(passage.username);
    await idle(passage, wait(surroundings, fault?.delayMs ?? settings.delayMs));
    const answer = fault === undefined || fault.afterLogin === true ? grants.answer(form, snapshot) : undefined;
    passage.outcome = answer?.outcome ?? 'faulted';
    await surroundings.beforeAnswer(passage);
    if (fault?.kind === 'hang' && !response.destroyed) {
      await idle(passage, once(response, 'close'));
    }
    traffic.leave(passage);
    fault === undefined ? reply(response, answer) : play(fault, response);
  } finally {
    traffic.leave(passage);
  }
}

/** A client that goes before its answer is no reason for the server to stop: the request only loses its listener. */
function noticeHangUp(passage: Passage, request: IncomingMessage, response: ServerResponse): void {
  const { socket } = request;
  const gone = (): void => {
    passage.hungUp ||= !response.writableEnded;
  };
  socket.once('end', gone);
  response.once('close', () => {
    socket.off('end', gone);
    gone();
  });
}

async function idle(passage: Passage, end: Promise<unknown>): Promise<void> {
  passage.waiting = true;
  await end;
  passage.waiting = false;
}

async function wait({ sleep }: Surroundings, ms: number): Promise<void> {
  if (ms > 0) {
    await sleep(ms);
  }
}

function reply(response: ServerResponse, answer: Answer | undefined): void {
  if (answer?.json === undefined) {
    response.writeHead(500, { 'Content-Type': 'text/html; charset=utf-8' }).end(errorPage(500));
  } else {
    send(response, answer.status, answer.json);
  }
}

/** The API behind the tokens, as far as a caller's handling of 401 needs one. */
async function serveApi(fegora: Fegora, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { elsewhere, grants } = fegora;
  const body = await text(request);
  const username = grants.whoami(/^Bearer (.+)$/i.exec(request.headers.authorization ?? '')?.[1] ?? '');
  elsewhere.apiCalls += 1;
  if (username === undefined) {
    elsewhere.apiRefusals += 1;
    response.setHeader('WWW-Authenticate', 'Bearer');
    send(response, 401, { Message: 'Authorization has been denied for this request.' });
  } else {
    send(response, 200, { userName: username, method: request.method ?? '', body });
  }
}

async function serveControl(fegora: Fegora, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const body = await text(request);
  try {
    obey(body === '' ? {} : parseCommand(body), fegora.controls);
    send(response, 200, count(fegora));
  } catch (error) {
    send(response, 400, { error: String(error) });
  }
}

function send(response: ServerResponse, status: number, json: object): void {
  const headers = { 'Content-Type': 'application/json;charset=UTF-8', 'Cache-Control': 'no-cache', Pragma: 'no-cache' };
  response.writeHead(status, { ...headers, Expires: '-1' }).end(JSON.stringify(json));
}

/** All that was counted since the counters were last reset. */
export function count({ traffic, rows, passwords, elsewhere }: Fegora): FegoraCounters {
  const byUser = Object.groupBy(traffic.logins(), ({ username }) => username ?? '');
  const users = Object.entries(byUser).map(([username, logins = []]) => {
    const state = { bricked: rows.isBricked(username), locked: passwords.isLocked(username) };
    return [username, { ...countLogins(logins), ...state }] as const;
  });
  const others = traffic.others();
  const refreshes = others.filter(({ outcome }) => outcome === 'refreshed').length;
  const total = countLogins(traffic.logins());
  return { ...total, users: Object.fromEntries(users), otherGrants: others.length, refreshes, ...elsewhere };
}
