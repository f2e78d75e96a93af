import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

/** Which requests a fault hits, and when in their life. */
interface Reach {
  /** How many requests it hits: 1 by default; `Infinity` (`null` in JSON) until cleared. */
  readonly times?: number | null;
  /** Only password grants of this user. */
  readonly username?: string;
  /** The login is done, a token issued, and only its answer comes to grief. */
  readonly afterLogin?: boolean;
  /** Instead of the settings' own. Milliseconds. */
  readonly delayMs?: number;
}

/** A way for the simulator to misbehave. */
export type Fault = Reach &
  (
    | {
        readonly kind: 'answer';
        readonly status: number;
        readonly headers?: Readonly<Record<string, string>>;
        /** An HTML error page by default. */
        readonly body?: string | Uint8Array;
      }
    | { readonly kind: 'hang' | 'reset' | 'reset-mid-body' | 'truncate' }
  );

/** Faults that wait for their requests, first come first served. */
export interface FaultQueue {
  readonly add: (fault: Fault) => void;
  readonly clear: () => void;
  readonly take: (username: string | undefined) => Fault | undefined;
}

/** No faults at first. */
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
    take: (username) => {
      const next = queue.find(({ fault }) => fault.username === undefined || fault.username === username);
      if (next === undefined) {
        return undefined;
      }
      next.left -= 1;
      queue = queue.filter((one) => one.left > 0);
      return next.fault;
    },
  };
}

/** What IIS shows for an exception, or for an application pool that is down. */
export function errorPage(status: number): string {
  return `<!DOCTYPE html><html><head><title>Error</title></head><body><h1>Server Error</h1><p>${status}</p></body></html>`;
}

/** Plays a fault out on one response. A `hang` does nothing: the connection stays open until someone closes it. */
export function play(fault: Fault, response: ServerResponse): void {
  switch (fault.kind) {
    case 'answer':
      response
        .writeHead(fault.status, { 'Content-Type': 'text/html; charset=utf-8', ...fault.headers })
        .end(fault.body ?? errorPage(fault.status));
      return;
    case 'hang':
      return;
    case 'reset':
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

/** Half of an answer that looked like a success, then the end of the connection. */
function breakOff(response: ServerResponse, end: (socket: Socket) => void): void {
  const { socket } = response;
  response.writeHead(200, { 'Content-Type': 'application/json;charset=UTF-8', 'Content-Length': '400' });
  response.write('{"access_token":"not-a-real-token-cut-', () => {
    if (socket !== null) {
      end(socket);
    }
  });
}
