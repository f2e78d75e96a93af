// The faults that the simulator can produce. Used by server.ts and control.ts.
import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { isSameUser } from './passwords.ts';
import type { OtherAnswer } from './settings.ts';
import type { RecordedRequest } from './traffic.ts';

/** Which requests have the fault, and when. */
interface FaultScope {
  /** How many requests have the fault. `Infinity` (`null` in JSON): all, until the faults are cleared. @default 1 */
  readonly times?: number | null;
  /** Only grants of this user have the fault. @default all requests */
  readonly username?: string;
  /** Only grants of this kind have the fault. @default all requests */
  readonly grant?: 'password' | 'refresh_token';
  /** The server checks the password, and counts it or issues the token; only the answer has the fault. */
  readonly afterLogin?: boolean;
  /** How long the server works on the request. Milliseconds. @default `delayMs` of the settings */
  readonly delayMs?: number;
}

type WrongAnswer =
  | ({ readonly kind: 'answer' } & OtherAnswer)
  | { readonly kind: 'hang' | 'reset' | 'reset-mid-body' | 'truncate' | 'lost-successor' };

/**
 * A fault of the simulator. `late`: the answer is the usual one, after `delayMs`. `replay`: the server gets the request
 * twice, as from a proxy that tries again, and the client gets the second answer. `lost-successor`: the server deletes the
 * refresh token, ends before it writes the next one, and cuts the connection.
 */
export type Fault = FaultScope & (WrongAnswer | { readonly kind: 'late' } | { readonly kind: 'replay' });

/** What a fault may be for. */
type Request = Pick<RecordedRequest, 'username' | 'grant'>;

/** Faults that wait for requests. A request takes the first one that is for it. */
export interface FaultQueue {
  readonly add: (fault: Fault) => void;
  readonly clear: () => void;
  readonly take: (request: Request) => Fault | undefined;
}

/** Starts without faults. */
export function createFaultQueue(): FaultQueue {
  let queue: { readonly fault: Fault; left: number }[] = [];
  return {
    add: (fault) => {
      const times = fault.times === undefined ? 1 : (fault.times ?? Number.POSITIVE_INFINITY);
      queue.push({ fault, left: times });
    },
    clear: () => {
      queue = [];
    },
    take: (request) => {
      const next = queue.find(({ fault }) => isFor(fault, request));
      if (next === undefined) {
        return undefined;
      }
      next.left -= 1;
      queue = queue.filter((one) => one.left > 0);
      return next.fault;
    },
  };
}

function isFor({ username, grant }: FaultScope, request: Request): boolean {
  const isOfUser = username === undefined || isSameUser(username, request.username);
  return isOfUser && (grant === undefined || grant === request.grant);
}

/** The page that IIS shows for an exception, or if the application pool is down. */
export function errorPage(status: number): string {
  return `<!DOCTYPE html><html><head><title>Error</title></head><body><h1>Server Error</h1><p>${status}</p></body></html>`;
}

/** Answers one request with a fault. A `hang` does nothing: the connection stays open until the client closes it. */
export function answerWithFault(fault: WrongAnswer, response: ServerResponse): void {
  switch (fault.kind) {
    case 'answer':
      response
        .writeHead(fault.status, { 'Content-Type': 'text/html; charset=utf-8', ...fault.headers })
        .end(fault.body ?? errorPage(fault.status));
      return;
    case 'hang':
      return;
    case 'reset':
    case 'lost-successor':
      response.socket?.resetAndDestroy();
      return;
    case 'truncate':
      breakOff(response, (socket) => socket.destroy());
      return;
    case 'reset-mid-body':
      breakOff(response, (socket) => socket.resetAndDestroy());
      return;
  }
}

/** Sends half of a successful answer, then ends the connection. */
function breakOff(response: ServerResponse, end: (socket: Socket) => void): void {
  const { socket } = response;
  response.writeHead(200, { 'Content-Type': 'application/json;charset=UTF-8', 'Content-Length': '400' });
  response.write('{"access_token":"not-a-real-token-cut-', () => {
    if (socket !== null) {
      end(socket);
    }
  });
}
