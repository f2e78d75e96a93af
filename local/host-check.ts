// Keeps the pages of a browser away from the servers of the local run. Called by loopback.ts.
import { randomUUID } from 'node:crypto';
import type { IncomingHttpHeaders, IncomingMessage, Server, ServerResponse } from 'node:http';
import { isLoopbackHost } from '../lambda/config.ts';

const events = ['request', 'checkContinue', 'checkExpectation'];

/**
 * Makes a server refuse, with 403, every request that does not name this machine in `Host`, and every request of a page.
 * Call it when the server has all its listeners.
 *
 * With DNS rebinding, a page gives its own name the address of this machine, and then reads the answers of local
 * servers. Its requests still have the page's name in `Host`. A page that names this machine itself has its origin in
 * `Origin` or `Sec-Fetch-Site`.
 *
 * @param hosts names that are taken besides those of the loopback interface, in lower case
 * @see https://developer.mozilla.org/en-US/docs/Web/HTTP/Reference/Headers/Sec-Fetch-Site
 */
export function guardHost(server: Server, hosts: readonly string[] = []): void {
  for (const event of events) {
    const listeners = server.listeners(event);
    if (listeners.length > 0) {
      server.removeAllListeners(event);
      server.on(event, (request: IncomingMessage, response: ServerResponse) => {
        const reason = reasonToRefuse(request.headers, hosts);
        const respond = reason === undefined ? listeners : [() => refuse(response, reason)];
        for (const listener of respond) {
          Reflect.apply(listener, server, [request, response]);
        }
      });
    }
  }
}

function reasonToRefuse(headers: IncomingHttpHeaders, hosts: readonly string[]): string | undefined {
  const { host = '', origin, 'sec-fetch-site': site = 'none' } = headers;
  const name = host.toLowerCase().replace(/:\d{1,5}$/, '');
  if (!isLoopbackHost(name) && !hosts.includes(name)) {
    return 'The local run takes calls only for 127.0.0.1, localhost and [::1]. Use one of them in the URL, or start it with --listen for a container.';
  }
  // `none`: a person typed the address. Node's own fetch sends neither header.
  return origin !== undefined || site !== 'none' ? 'The local run takes no calls from a page in a browser.' : undefined;
}

/** The form is that of the contract, because the gateway answers so too. `ForbiddenException` is API Gateway's word. */
function refuse(response: ServerResponse, error_description: string): void {
  const request_id = randomUUID();
  const body = JSON.stringify({ error: 'forbidden', error_description, retryable: false, request_id });
  const headers = {
    'Content-Type': 'application/json',
    'Content-Length': Buffer.byteLength(body),
    'Cache-Control': 'no-store',
    Pragma: 'no-cache',
    'X-Content-Type-Options': 'nosniff',
    'x-amzn-ErrorType': 'ForbiddenException',
    'x-amzn-RequestId': request_id,
    // The body of the request is not read.
    Connection: 'close',
  };
  response.writeHead(403, headers).end(body);
}
