// The simulated Fegora server: answers HTTP requests. Called by simulator.ts.
import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { text } from 'node:stream/consumers';
import { applyCommand, type Controls, parseCommand } from './control.ts';
import { answerWithFault, createFaultQueue, errorPage, type FaultQueue } from './faults.ts';
import { parseForm } from './form.ts';
import { type Answer, createGrants, type Grants } from './grants.ts';
import { createPasswords, type Passwords } from './passwords.ts';
import { createRefreshRows, type RefreshRows } from './refresh-rows.ts';
import type { FegoraSettings } from './settings.ts';
import { countLogins, createTraffic, type LoginCounts, type RecordedRequest, type Traffic } from './traffic.ts';

/** The counters of the simulator, as `GET /_control` shows them. */
export interface FegoraCounters extends LoginCounts {
  readonly users: Readonly<Record<string, LoginCounts & { readonly bricked: boolean; readonly locked: boolean }>>;
  /** Requests to the token endpoint that were not password grants. */
  readonly otherGrants: number;
  /** Those of them that got a token. */
  readonly refreshes: number;
  /** Requests to paths that Fegora does not have. */
  readonly unexpected: number;
  readonly apiCalls: number;
  /** API calls answered 401. */
  readonly apiRefusals: number;
}

/** The parts of the simulated server. */
export interface Fegora {
  readonly settings: FegoraSettings;
  readonly passwords: Passwords;
  readonly grants: Grants;
  readonly rows: RefreshRows;
  readonly faults: FaultQueue;
  readonly traffic: Traffic;
  readonly otherCounts: { unexpected: number; apiCalls: number; apiRefusals: number };
  readonly dependencies: Dependencies;
  readonly controls: Controls;
}

/** The clock of the simulated server, and a hook for tests. */
export interface Dependencies {
  /** Wall clock. Epoch milliseconds. */
  readonly now: () => number;
  /** Waits for `delayMs`. */
  readonly sleep: (ms: number) => Promise<unknown>;
  /** Called when the server has the answer and has not sent it. */
  readonly beforeAnswer: (recorded: RecordedRequest) => Promise<void> | void;
}

/** Creates the simulated server, without users. */
export function createFegora(settings: FegoraSettings, dependencies: Dependencies): Fegora {
  const passwords = createPasswords(settings, dependencies.now);
  const rows = createRefreshRows();
  const grants = createGrants({ settings, passwords, rows, now: dependencies.now });
  const faults = createFaultQueue();
  const traffic = createTraffic();
  const otherCounts = { unexpected: 0, apiCalls: 0, apiRefusals: 0 };
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
      Object.assign(otherCounts, { unexpected: 0, apiCalls: 0, apiRefusals: 0 });
    },
  };
  return { settings, passwords, rows, grants, faults, traffic, otherCounts, dependencies, controls };
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
      fegora.otherCounts.unexpected += 1;
      send(response, 404, { Message: 'No HTTP resource was found that matches the request URI.' });
  }
}

async function serveToken(fegora: Fegora, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { faults, grants, rows, settings, dependencies, traffic } = fegora;
  const recorded = traffic.arrive(dependencies.now());
  const snapshot = rows.snapshot();
  watchForHangUp(recorded, request, response);
  try {
    const form = parseForm(await text(request));
    if (form.get('grant_type') === 'password') {
      recorded.username = form.get('username') ?? '';
    }
    const fault = faults.take(recorded.username);
    await idle(recorded, wait(dependencies, fault?.delayMs ?? settings.delayMs));
    const answer = fault === undefined || fault.afterLogin === true ? grants.answer(form, snapshot) : undefined;
    recorded.outcome = answer?.outcome ?? 'faulted';
    await dependencies.beforeAnswer(recorded);
    if (fault?.kind === 'hang' && !response.destroyed) {
      await idle(recorded, once(response, 'close'));
    }
    traffic.leave(recorded);
    fault === undefined ? reply(response, answer) : answerWithFault(fault, response);
  } finally {
    traffic.leave(recorded);
  }
}

/** Notes whether the client closes the connection before the answer. The server still finishes its work. */
function watchForHangUp(recorded: RecordedRequest, request: IncomingMessage, response: ServerResponse): void {
  const { socket } = request;
  const gone = (): void => {
    recorded.hungUp ||= !response.writableEnded;
  };
  socket.once('end', gone);
  response.once('close', () => {
    socket.off('end', gone);
    gone();
  });
}

async function idle(recorded: RecordedRequest, end: Promise<unknown>): Promise<void> {
  recorded.waiting = true;
  await end;
  recorded.waiting = false;
}

async function wait({ sleep }: Dependencies, ms: number): Promise<void> {
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

/** An API method that needs a token. Callers try their handling of 401 on it. */
async function serveApi(fegora: Fegora, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { otherCounts, grants } = fegora;
  const body = await text(request);
  const username = grants.whoami(/^Bearer (.+)$/i.exec(request.headers.authorization ?? '')?.[1] ?? '');
  otherCounts.apiCalls += 1;
  if (username === undefined) {
    otherCounts.apiRefusals += 1;
    response.setHeader('WWW-Authenticate', 'Bearer');
    send(response, 401, { Message: 'Authorization has been denied for this request.' });
  } else {
    send(response, 200, { userName: username, method: request.method ?? '', body });
  }
}

async function serveControl(fegora: Fegora, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const body = await text(request);
  try {
    applyCommand(body === '' ? {} : parseCommand(body), fegora.controls);
    send(response, 200, count(fegora));
  } catch (error) {
    send(response, 400, { error: String(error) });
  }
}

function send(response: ServerResponse, status: number, json: object): void {
  const headers = { 'Content-Type': 'application/json;charset=UTF-8', 'Cache-Control': 'no-cache', Pragma: 'no-cache' };
  response.writeHead(status, { ...headers, Expires: '-1' }).end(JSON.stringify(json));
}

/** The counters since the last reset. */
export function count({ traffic, rows, passwords, otherCounts }: Fegora): FegoraCounters {
  const byUser = Object.groupBy(traffic.logins(), ({ username }) => username ?? '');
  const users = Object.entries(byUser).map(([username, logins = []]) => {
    const state = { bricked: rows.isBricked(username), locked: passwords.isLocked(username) };
    return [username, { ...countLogins(logins), ...state }] as const;
  });
  const others = traffic.others();
  const refreshes = others.filter(({ outcome }) => outcome === 'refreshed').length;
  const total = countLogins(traffic.logins());
  return { ...total, users: Object.fromEntries(users), otherGrants: others.length, refreshes, ...otherCounts };
}
