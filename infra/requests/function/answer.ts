// Says what an answer of Fegora means: a result, or which failure. Called by requests.ts.
import type { IncomingHttpHeaders } from 'node:http';
import { isRepeatable, type Method } from '../rules.ts';
import type { FegoraRequest } from './event.ts';
import { RequestFailure } from './failure.ts';
import type { Answer, Unanswered } from './send.ts';

/** What the function returns. */
export interface RequestResult {
  readonly status: number;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  /** The value of a JSON body, the text of any other one; null without a body. */
  readonly body: unknown;
  /** Present if the body is not text: it is then in base64. */
  readonly encoding?: 'base64';
}

/** Step Functions takes 256 KB for all that a state holds. Bytes. */
export const mostResultBytes = 200_000;

/**
 * Returns the result of a request with status 2xx, or with a status that the request allows.
 *
 * @throws RequestFailure `fegora_refused`, `fegora_unavailable`, `fegora_outcome_unknown` or `fegora_answer_too_large`
 */
export function resultOf({ method, allow }: FegoraRequest, answer: Answer): RequestResult {
  const { status, isTooLong } = answer;
  const isResult = (status >= 200 && status < 300) || allow.includes(status);
  if (!isResult) {
    throw failureOfStatus(method, answer);
  }
  const result = { status, headers: headersOf(answer.headers), ...bodyOf(answer) };
  // A result can be longer than the answer: it is JSON in JSON, or base64.
  if (isTooLong || Buffer.byteLength(JSON.stringify(result)) > mostResultBytes) {
    const text = `Fegora has answered with status ${status}, and the answer is over 200 KB. Ask for less, or use the client in a function.`;
    throw new RequestFailure('fegora_answer_too_large', text, { status });
  }
  return result;
}

/** A proxy that gives up on a slow server answers later than a server that takes no requests. Milliseconds. */
const lateMs = 10_000;

/**
 * Fegora says with 429, and with 503 at once, that it has not taken the request. After another 5xx, a late 503, and the redirect
 * to a result, no one knows.
 */
function failureOfStatus(method: Method, answer: Answer): RequestFailure {
  const { status } = answer;
  const mayBeTaken =
    status === 302 || status === 303 || (status >= 500 && !(status === 503 && answer.afterMs < lateMs));
  if (status === 429 || (status >= 500 && (!mayBeTaken || isRepeatable(method)))) {
    const retry_after = secondsOf(answer.headers['retry-after']);
    return new RequestFailure('fegora_unavailable', `Fegora answered with status ${status}. Try again later.`, {
      status,
      retryable: true,
      ...(retry_after !== undefined && { retry_after }),
    });
  }
  return mayBeTaken && !isRepeatable(method)
    ? unknown(`Fegora answered with status ${status}`, status)
    : refusal(answer);
}

/** @returns the failure of a fault of ours after a request that may have been sent */
export function failureOfFault(cause: unknown): RequestFailure {
  return unknown('The function failed after it had sent the request. Read its log', undefined, cause);
}

/** @returns the failure of a request without an answer. If nothing was sent, every request may be sent again */
export function failureOfSilence(method: Method, { isSent, message }: Unanswered): RequestFailure {
  return isSent && !isRepeatable(method)
    ? unknown(`The request was sent, and no complete answer came (${message})`)
    : new RequestFailure('fegora_unavailable', `Fegora did not answer (${message}). Try again later.`, {
        retryable: true,
      });
}

function unknown(what: string, status?: number, cause?: unknown): RequestFailure {
  const text = `${what}. Fegora may have processed the request: look the document up by its numeroTransaccion before you send it again.`;
  return new RequestFailure('fegora_outcome_unknown', text, status === undefined ? {} : { status }, cause);
}

const refusalTexts: Readonly<Record<number, string>> = {
  304: 'The headers of the request ask for an answer only if it has changed',
  401: 'Fegora takes the token of this account neither before nor after its renewal. Check the rights of the Fegora user',
  404: 'Fegora has nothing at this path',
};

function refusal(answer: Answer): RequestFailure {
  const { status } = answer;
  const { body } = bodyOf(answer);
  const { codigo, mensaje } = Object(body);
  const what = refusalTexts[status] ?? (status < 400 ? 'Fegora answered with a redirect, which is not followed' : '');
  const reason = typeof mensaje === 'string' ? mensaje : what || 'See answer';
  const isShort = body !== null && Buffer.byteLength(JSON.stringify(body)) <= 4000;
  return new RequestFailure(
    'fegora_refused',
    `Fegora refused the request with status ${status}: ${reason.replace(/\.?$/, '.')}`,
    {
      status,
      ...(isScalar(codigo) && { codigo }),
      ...(isScalar(mensaje) && { mensaje }),
      ...(isShort && { answer: body }),
    },
  );
}

function isScalar(value: unknown): boolean {
  return typeof value === 'number' || (typeof value === 'string' && value.length <= 1000);
}

function bodyOf({ body, headers }: Answer): Pick<RequestResult, 'body' | 'encoding'> {
  if (body.length === 0) {
    return { body: null };
  }
  const type = headers['content-type'] ?? '';
  const text = headers['content-encoding'] === undefined && isText(type) ? decode(body, type) : undefined;
  if (text === undefined) {
    return { body: body.toString('base64'), encoding: 'base64' };
  }
  return { body: isJson(type) ? parse(text) : text };
}

function isJson(type: string): boolean {
  return /^application\/(?:[\w.-]+\+)?json\b/i.test(type);
}

function isText(type: string): boolean {
  return (
    isJson(type) || /^(?:text\/|application\/(?:[\w.-]+\+)?xml\b|application\/x-www-form-urlencoded\b)/i.test(type)
  );
}

/** @returns undefined for a charset that Node does not know, and for bytes that are not of it */
function decode(body: Buffer, type: string): string | undefined {
  try {
    return new TextDecoder(/charset="?([\w-]+)/i.exec(type)?.[1] ?? 'utf-8', { fatal: true }).decode(body);
  } catch {
    return undefined;
  }
}

/** Text that claims to be JSON and is not stays text. */
function parse(text: string): unknown {
  try {
    return JSON.parse(text, withEveryDigit);
  } catch {
    return text;
  }
}

/** A number that JavaScript cannot hold becomes a text: an integer over 2^53, or one that would be infinite. */
function withEveryDigit(_: string, value: unknown, context?: { readonly source?: string }): unknown {
  const isHeld =
    typeof value !== 'number' || Number.isSafeInteger(value) || (Number.isFinite(value) && value % 1 !== 0);
  return isHeld ? value : (context?.source ?? value);
}

/** Headers of the connection, and what a server gives to one client only: the history of an execution keeps the result. */
const dropped =
  /^(?:connection|keep-alive|transfer-encoding|content-length|set-cookie2?|www-authenticate|authorization)$/;

function headersOf(headers: IncomingHttpHeaders): Readonly<Record<string, string>> {
  const kept = Object.entries(headers).filter(([name, value]) => value !== undefined && !dropped.test(name));
  return Object.fromEntries(kept.map(([name, value]) => [name, String(value)]));
}

/** At most an hour. */
function secondsOf(retryAfter: string | undefined): number | undefined {
  return /^\d{1,6}$/.test(retryAfter ?? '') ? Math.min(Number(retryAfter), 3600) : undefined;
}
