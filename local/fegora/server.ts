// The simulated Fegora server: answers HTTP requests. Called by simulator.ts.
import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { text } from 'node:stream/consumers';
import { applyCommand, type Controls, parseCommand } from './control.ts';
import { count, type OtherCounts } from './counters.ts';
import { answerWithFault, createFaultQueue, errorPage, type Fault, type FaultQueue } from './faults.ts';
import { type Form, parseForm } from './form.ts';
import { type Answer, createGrants, type Grants } from './grants.ts';
import { createPasswords, type Passwords, passwordHash } from './passwords.ts';
import { createRefreshRows, type RefreshRows } from './refresh-rows.ts';
import type { FegoraSettings } from './settings.ts';
import { createTraffic, type RecordedRequest, type Traffic } from './traffic.ts';

/** The parts of the simulated server. */
export interface Fegora {
  readonly settings: FegoraSettings;
  readonly passwords: Passwords;
  readonly grants: Grants;
  readonly rows: RefreshRows;
  readonly faults: FaultQueue;
  readonly traffic: Traffic;
  readonly otherCounts: OtherCounts;
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
    logInElsewhere: grants.logInElsewhere,
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
    noteUser(recorded, form, rows);
    const next = faults.take(recorded);
    await idle(recorded, wait(dependencies, next?.delayMs ?? settings.delayMs));
    const answer = answerOf(grants, form, snapshot, next);
    const fault = next?.kind === 'late' || next?.kind === 'replay' ? undefined : next;
    recorded.outcome = answer?.outcome ?? 'faulted';
    await dependencies.beforeAnswer(recorded);
    if (fault?.kind === 'hang' && !response.destroyed) {
      await idle(recorded, once(response, 'close'));
    }
    traffic.leave(recorded);
    const other = fault ?? refusalOf(settings, recorded);
    other === undefined ? reply(response, answer) : answerWithFault(other, response);
  } finally {
    traffic.leave(recorded);
  }
}

function noteUser(recorded: RecordedRequest, form: Form, rows: RefreshRows): void {
  const grant = form.get('grant_type');
  if (grant === 'password') {
    recorded.grant = grant;
    recorded.username = form.get('username') ?? '';
    recorded.passwordHash = passwordHash(form.get('password') ?? '');
  } else if (grant === 'refresh_token') {
    recorded.grant = grant;
    recorded.username = rows.userOf(form.get('refresh_token') ?? '');
  }
}

/** What the server makes of the request; undefined if a fault comes before that. */
function answerOf(grants: Grants, form: Form, snapshot: number, fault: Fault | undefined): Answer | undefined {
  switch (fault?.kind) {
    case undefined:
    case 'late':
      return grants.answer(form, snapshot);
    case 'replay':
      grants.answer(form, snapshot);
      return grants.answer(form, snapshot);
    case 'lost-successor':
      grants.dropRefreshToken(form);
      return undefined;
    default:
      return fault?.afterLogin === true ? grants.answer(form, snapshot) : undefined;
  }
}

/** The answer to a refused password, if it is not the usual one. */
function refusalOf({ refusedAs }: FegoraSettings, { outcome, grant }: RecordedRequest) {
  const isRefused = outcome === 'refused' && grant === 'password';
  return isRefused && refusedAs !== null ? ({ kind: 'answer', ...refusedAs } as const) : undefined;
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
