// Parses the event: one request to Fegora. Called by requests.ts.
import { headerFault, isMethod, type Method, pathFault } from '../rules.ts';
import { RequestFailure } from './failure.ts';

/** A request to Fegora, checked. */
export interface FegoraRequest {
  readonly method: Method;
  readonly url: URL;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | undefined;
  /** Statuses from 400 to 499 that are a result, and not a failure. */
  readonly allow: readonly number[];
}

const members = ['method', 'path', 'query', 'headers', 'body', 'allow'];

/**
 * Parses the event. A member that is null counts as absent: a JSONPath may find nothing.
 *
 * @param origin the only origin of requests
 * @throws RequestFailure `invalid_request` that names the member. It repeats no value: a value may be a secret
 */
export function parseEvent(event: unknown, origin: string): FegoraRequest {
  const given = objectOf(event) ?? fault('event', 'must be an object');
  const unknown = Object.keys(given).find((name) => !members.includes(name));
  if (unknown !== undefined) {
    fault(/^[\w-]{1,32}$/.test(unknown) ? unknown : 'event', `is not a member: there are only ${members.join(', ')}`);
  }
  const { method, path, allow } = given;
  if (!isMethod(method)) {
    return fault('method', 'must be GET, HEAD, POST, PUT, PATCH or DELETE');
  }
  const wrong = pathFault(path);
  if (wrong !== undefined) {
    return fault('path', wrong);
  }
  const headers = parseHeaders(given.headers ?? {});
  const body = parseBody(given.body ?? undefined, method, headers);
  return { method, url: urlOf(`${path}`, given.query ?? {}, origin), headers, body, allow: parseAllow(allow ?? []) };
}

function urlOf(path: string, query: unknown, origin: string): URL {
  const url = new URL(path, origin);
  url.search = parseQuery(query).toString();
  // The rules for paths already say so. The token goes to this URL, so they are not trusted.
  return url.origin === origin && url.pathname === path && url.href.length <= 8000
    ? url
    : fault('path', 'must be a path of the origin, and the whole URL at most 8,000 characters');
}

function parseQuery(query: unknown): URLSearchParams {
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(objectOf(query) ?? fault('query', 'must be an object'))) {
    for (const one of Array.isArray(value) ? value : [value]) {
      search.append(
        name,
        textOf(isHeld(one) ? one : fault('query', lostDigits)) ??
          fault('query', 'must have texts, numbers, booleans or lists of them'),
      );
    }
  }
  return search;
}

function parseHeaders(given: unknown): Record<string, string> {
  const headers: Record<string, string> = { accept: 'application/json', 'user-agent': 'fegora-token-broker' };
  const seen = new Set<string>();
  for (const [given_, value] of Object.entries(objectOf(given) ?? fault('headers', 'must be an object'))) {
    const name = given_.toLowerCase();
    const text = textOf(value);
    const wrong = seen.has(name) ? 'is there twice' : headerFault(name);
    if (wrong !== undefined || text === undefined || !/^[\x20-\x7e]{0,4000}$/.test(text)) {
      return fault(
        'headers',
        `${/^[\w-]{1,40}$/.test(name) ? name : 'a header'} ${wrong ?? 'must be printable ASCII'}`,
      );
    }
    seen.add(name);
    headers[name] = text;
  }
  return headers;
}

/** Adds the type of JSON to the headers if they have none. */
function parseBody(body: unknown, method: Method, headers: Record<string, string>): string | undefined {
  if (body === undefined) {
    return undefined;
  }
  if (method === 'GET' || method === 'HEAD') {
    return fault('body', `is not for ${method}`);
  }
  const type = headers['content-type'];
  if (typeof body === 'string') {
    return type === undefined ? fault('body', 'is a text: name its type in the header content-type') : body;
  }
  if (typeof body !== 'object' || !/json/i.test(type ?? 'json')) {
    return fault('body', 'must be a text, or an object or a list with a content-type of JSON');
  }
  headers['content-type'] = type ?? 'application/json';
  return JSON.stringify(body, (_, value) => (isHeld(value) ? value : fault('body', lostDigits)));
}

const lostDigits = 'has an integer over 2^53, which has lost digits on its way here. Send it as a text';

/** The runtime has parsed the event, so the digits of such an integer are already others. */
function isHeld(value: unknown): boolean {
  return !Number.isInteger(value) || Number.isSafeInteger(value);
}

function parseAllow(allow: unknown): readonly number[] {
  const isStatus = (one: unknown): one is number => Number.isInteger(one) && Math.floor(Number(one) / 100) === 4;
  return Array.isArray(allow) && allow.every(isStatus) && !allow.includes(401)
    ? allow
    : fault('allow', 'must be a list of statuses from 400 to 499, without 401');
}

function objectOf(value: unknown): Readonly<Record<string, unknown>> | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? { ...value } : undefined;
}

function textOf(value: unknown): string | undefined {
  return ['string', 'number', 'boolean'].includes(typeof value) ? String(value) : undefined;
}

function fault(member: string, problem: string): never {
  throw new RequestFailure('invalid_request', `${member}: ${problem}. Nothing was sent.`, { member });
}
