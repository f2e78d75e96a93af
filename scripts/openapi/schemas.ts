// The JSON schemas of the document: the request, the token, and the errors of each status. Called by document.ts.
import { accountIdPattern } from '../../lambda/account-secrets.ts';
import { BrokerError, type ErrorBody, type ErrorCode, isErrorCode } from '../../lambda/errors.ts';
import { requestSchema } from '../../lambda/events/request-schema.ts';
import { mostBodyBytes, type TokenAnswer } from '../../lambda/events/token-request.ts';
import type { ExampleAnswer } from './examples.ts';

/** A part of the document. */
export type Part = Readonly<Record<string, unknown>>;

/** The schema of an account id. */
export const accountSchema: Part = { type: 'string', pattern: accountIdPattern.source };

const fingerprint = { type: 'string', pattern: '^[0-9a-f]{64}$' };

const requestTexts: { readonly [name in keyof typeof requestSchema.properties]: string } = {
  min_validity:
    'Seconds that the token must still be valid. More than half of its lifetime counts as half of its lifetime.',
  rejected: 'SHA-256, in hex, of a token that Fegora answered 401 to. Asks for a different token.',
  want: '`metadata` asks for everything except the token.',
};

const tokenMembers: { readonly [name in keyof Required<TokenAnswer>]: Part } = {
  access_token: { type: 'string', minLength: 1, description: 'Absent if the request wants `metadata`.' },
  token_type: { type: 'string', enum: ['bearer'] satisfies TokenAnswer['token_type'][] },
  expires_in: { type: 'integer', description: 'Seconds that are left at the time of the answer.' },
  expires_at: { type: 'string', format: 'date-time' },
  account: accountSchema,
  token_sha256: { ...fingerprint, description: 'Fingerprint (SHA-256, in hex) of the token.' },
  source: {
    type: 'string',
    enum: ['memory', 'shared', 'upstream'] satisfies TokenAnswer['source'][],
    description: '`shared` is the table, `upstream` is a login.',
  },
  warning: {
    type: 'string',
    enum: ['min_validity_unmet', 'renewal_failing'] satisfies TokenAnswer['warning'][],
    description: 'The token is valid all the same.',
  },
};

const errorMembers: { readonly [name in keyof Required<ErrorBody>]: Part } = {
  error: { type: 'string' },
  error_description: { type: 'string', description: 'For people. It may change.' },
  member: {
    type: 'string',
    description:
      'The member of the request that is at fault. Only with `invalid_request`, and only if it is one member.',
  },
  retryable: { type: 'boolean', description: 'Whether a later try can succeed.' },
  retry_after: { type: 'integer', minimum: 1, description: 'Seconds until the next try. Present if `retryable`.' },
  request_id: { type: 'string' },
};

/** Returns the schema of a request: that of the code, with a description of each member. */
export function describedRequest(): Part {
  const properties = Object.entries(requestSchema.properties).map(([name, schema]) => [
    name,
    { ...schema, description: Reflect.get(requestTexts, name) },
  ]);
  const description = `At most ${mostBodyBytes} bytes. Without a body, the request is \`{}\`.`;
  return { ...requestSchema, description, properties: Object.fromEntries(properties) };
}

/** Returns the schema of a token answer. A member is required if every example has it. */
export function tokenSchema(examples: readonly ExampleAnswer[]): Part {
  return { title: 'Token', type: 'object', required: inAll(examples), properties: tokenMembers };
}

/**
 * Returns the schema of the errors of one status.
 *
 * @param examples one for each text
 * @throws Error if one error of the status can be tried again and another cannot
 */
export function errorSchema(title: string, codes: readonly ErrorCode[], examples: readonly ExampleAnswer[]): Part {
  const retryable = new Set(codes.map((code) => new BrokerError(code, '').retryable));
  if (retryable.size !== 1) {
    throw new Error(`${title} has errors that can be tried again, and others: describe them apart.`);
  }
  const present = Object.entries(errorMembers).filter(([name]) => examples.some(({ body }) => name in body));
  const fixed = { error: { enum: codes }, retryable: { enum: [...retryable] } };
  const properties = present.map(([name, schema]) => [name, { ...schema, ...Reflect.get(fixed, name) }]);
  return { title, type: 'object', required: inAll(examples), properties: Object.fromEntries(properties) };
}

/** The codes of examples, in their order. */
export function codesOf(examples: readonly ExampleAnswer[]): ErrorCode[] {
  return [...new Set(examples.map(({ body }) => body.error).filter(isErrorCode))];
}

function inAll(examples: readonly ExampleAnswer[]): string[] {
  return Object.keys({ ...tokenMembers, ...errorMembers }).filter((name) => examples.every(({ body }) => name in body));
}
