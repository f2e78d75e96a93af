// A small API of Fegora in front of the simulator: documents that can be issued, read, looked up and voided. Used by tests.
import { randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { serve } from '../../../local/loopback.ts';

/** A request that reached the API, without its token. */
export interface ApiCall {
  readonly method: string;
  /** With the query. */
  readonly path: string;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly body: string;
}

/** What the API does with one request in place of its usual answer. */
export type ApiFault =
  /** The usual answer. */
  | { readonly kind: 'none' }
  /** Answers this, without doing anything. `body` is text, or JSON of an object. */
  | {
      readonly kind: 'answer';
      readonly status: number;
      readonly headers?: Record<string, string>;
      readonly body?: unknown;
    }
  /** Does what is asked, and closes the connection: without an answer, or in the middle of it. */
  | { readonly kind: 'cut'; readonly after: 'nothing' | 'half' }
  /** Does what is asked, and answers with 300 KB. */
  | { readonly kind: 'long' }
  /** Answers with a body that does not end. */
  | { readonly kind: 'endless' }
  /** Does what is asked, and does not answer. */
  | { readonly kind: 'hang' }
  /** Repeats the header `authorization` in its answer. */
  | EchoFault;

/** `isEscaped` writes the hyphens of the token as escapes of JSON. */
interface EchoFault {
  readonly kind: 'echo';
  readonly status: number;
  /** @default JSON */
  readonly type?: string;
  /** Comes before the header in `mensaje`. */
  readonly before?: string;
  readonly isEscaped?: boolean;
}

/** A document, as far as the tests need it. */
export interface Dte {
  readonly id: string;
  readonly numeroTransaccion: number;
  readonly total: number;
  readonly anulado: boolean;
}

/** A running API. */
export interface FegoraApi {
  readonly origin: string;
  /** The requests that had a good token, in order. */
  readonly calls: readonly ApiCall[];
  /** How many requests had no good token. */
  readonly refused: () => number;
  /** All documents, in the order in which they were issued. */
  readonly documents: readonly Dte[];
  /** Adds faults for the next requests with a good token, one for each. */
  readonly addFaults: (...faults: readonly ApiFault[]) => void;
  readonly close: () => Promise<void>;
}

/**
 * Starts the API: `POST /dte` issues a document, `GET /dte/{id}` reads it, `GET /dte?numeroTransaccion=` looks it up,
 * `PATCH /dte` voids it, as Fegora's own client calls it. It asks the simulator whether a token is good.
 *
 * @param fegora origin of the simulator
 */
export async function startFegoraApi(fegora: string): Promise<FegoraApi> {
  const calls: ApiCall[] = [];
  const documents: Dte[] = [];
  const faults: ApiFault[] = [];
  let refused = 0;

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method = '', url = '', headers } = request;
    const { authorization = '', ...rest } = headers;
    const body = await text(request);
    const { status } = await fetch(`${fegora}/api/whoami`, { headers: { authorization } });
    if (status !== 200) {
      refused += 1;
      return send(response, 401, { Message: 'Authorization has been denied for this request.' });
    }
    calls.push({ method, path: url, headers: rest, body });
    const fault = faults.shift();
    if (fault?.kind === 'answer') {
      return send(response, fault.status, fault.body ?? '<html>Service Unavailable</html>', fault.headers);
    }
    const [usual, json] = act(documents, { method, path: url, headers: rest, body });
    switch (fault?.kind) {
      case 'cut':
        return cut(response, fault.after);
      case 'long':
        return send(response, usual, { ...json, text: 'x'.repeat(300_000) });
      case 'endless':
        return endless(response);
      case 'hang':
        return;
      case 'echo':
        return echo(response, fault, authorization);
      default:
        return send(response, usual, json);
    }
  }

  const server = await serve((request, response) => {
    answer(request, response).catch(() => response.destroy());
  });
  return {
    origin: server.url,
    calls,
    documents,
    refused: () => refused,
    addFaults: (...more) => void faults.push(...more),
    close: server.close,
  };
}

const notFound = [404, { codigo: 'DTE-404', mensaje: 'No existe el documento.' }] as const;

function act(documents: Dte[], { method, path, body }: ApiCall): readonly [status: number, json: object] {
  const { pathname, searchParams } = new URL(path, 'http://fegora.invalid');
  const id = pathname.slice('/dte/'.length);
  const given = body.startsWith('{') ? Object(JSON.parse(body)) : {};
  switch (`${method} ${id === '' ? '/dte' : '/dte/id'}`) {
    case 'POST /dte': {
      const { numeroTransaccion, total } = given;
      const issued = { id: randomUUID(), numeroTransaccion, total, anulado: false };
      documents.push(issued);
      return [201, { ...issued, serie: issued.id.slice(0, 8).toUpperCase() }];
    }
    case 'GET /dte': {
      const number = Number(searchParams.get('numeroTransaccion'));
      return [200, { data: documents.filter(({ numeroTransaccion }) => numeroTransaccion === number) }];
    }
    case 'PATCH /dte': {
      const found = documents.find((one) => one.id === given.id);
      if (found === undefined) {
        return notFound;
      }
      const voided = { ...found, anulado: true };
      documents.splice(documents.indexOf(found), 1, voided);
      return [200, voided];
    }
    default: {
      const found = documents.find((one) => one.id === id);
      return found === undefined ? notFound : [200, found];
    }
  }
}

function send(response: ServerResponse, status: number, body: unknown, headers: Record<string, string> = {}): void {
  const isText = typeof body === 'string' || Buffer.isBuffer(body);
  const type = isText ? 'text/html; charset=utf-8' : 'application/json; charset=utf-8';
  response.writeHead(status, { 'content-type': type, 'set-cookie': 'session=of-fegora', ...headers });
  response.end(isText ? body : JSON.stringify(body));
}

function echo(response: ServerResponse, { status, type, before = '', isEscaped = false }: EchoFault, header: string) {
  const json = JSON.stringify({ mensaje: `${before}got ${header}` });
  const headers = { 'x-echo': header, 'content-type': type ?? 'application/json; charset=utf-8' };
  send(response, status, isEscaped ? json.replaceAll('-', '\\u002d') : json, headers);
}

/** Writes until the client closes the connection. */
function endless(response: ServerResponse): void {
  response.writeHead(200, { 'content-type': 'text/plain' });
  Readable.from(repeated(), { objectMode: false }).pipe(response);
}

function* repeated(): Generator<string> {
  for (;;) {
    yield 'x'.repeat(10_000);
  }
}

function cut(response: ServerResponse, after: 'nothing' | 'half'): void {
  if (after === 'nothing') {
    response.destroy();
  } else {
    response.writeHead(201, { 'content-type': 'application/json', 'content-length': 1000 });
    response.write('{"id":', () => response.destroy());
  }
}
