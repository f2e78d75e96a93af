// Checks a request for a token and issues the token. Called by api-gateway.ts and direct-invoke.ts.
import type { Broker, Grant, TokenRequest } from '../broker/contract.ts';
import { expiresAt } from '../broker/token.ts';
import { asBrokerError, BrokerError, invalidRequest, unknownMember } from '../errors.ts';
import type { Invocation, Report } from './invocation.ts';
import { requestSchema } from './request-schema.ts';

/** What a caller gets: RFC 6749 section 5.1, and what our callers need besides. Never a refresh token. */
export interface TokenAnswer {
  /** Absent if `want` is `metadata`. */
  readonly access_token?: string;
  readonly token_type: 'bearer';
  /** Whole seconds that are left at the time of the answer. */
  readonly expires_in: number;
  /** ISO 8601. */
  readonly expires_at: string;
  readonly account: string;
  readonly token_sha256: string;
  readonly source: Grant['source'];
  readonly warning?: NonNullable<Grant['warning']>;
}

/** What issuing a token needs. */
export interface IssueTokenDependencies {
  readonly broker: Pick<Broker, 'getToken'>;
  readonly isConfigured: (account: string) => boolean;
  /** Whether a paused account has no secret any more: an operator has removed it. @default no account */
  readonly isRemoved?: (account: string, remaining: () => number) => Promise<boolean>;
  readonly report: Pick<Report, 'issued'>;
}

/** A well-formed account id and the members of the body, from HTTP or from a direct invocation. */
export interface IssueRequest {
  readonly account: string;
  readonly body: ReadonlyMap<string, unknown>;
}

/**
 * Issues a token.
 *
 * @throws BrokerError `invalid_request`, `unknown_account`, and what `Broker.getToken` throws
 */
export type IssueToken = (
  request: IssueRequest,
  invocation: Invocation,
  remaining: () => number,
) => Promise<TokenAnswer>;

/** The longest body or payload. */
export const mostBodyBytes = 1024;

const { properties } = requestSchema;
const fingerprintPattern = new RegExp(properties.rejected.pattern);

type Want = (typeof properties.want.enum)[number];
type Body = Omit<TokenRequest, 'account'> & { readonly want: Want };

/** Reads each member of the schema. @throws BrokerError `invalid_request` */
const readers: { readonly [name in keyof typeof properties]: (value: unknown) => Partial<Body> } = {
  min_validity: (value) => ({ minValidityMs: readSeconds(value) * 1000 }),
  rejected: (value) => ({ rejected: readFingerprint(value) }),
  want: (value) => ({ want: readWant(value) }),
};

/** Creates the function that issues tokens. It checks the whole request before it calls the broker. */
export function createIssueToken({ broker, isConfigured, isRemoved, report }: IssueTokenDependencies): IssueToken {
  return async ({ account, body }, invocation, remaining) => {
    const { want, ...request } = parseBody(body);
    if (!isConfigured(account)) {
      throw unknownAccount();
    }
    const asked = { account, ...request, caller: invocation.callerRole };
    const grant = await broker.getToken(asked, remaining).catch(async (thrown: unknown) => {
      const isPaused = asBrokerError(thrown).code === 'paused';
      throw isPaused && (await isRemoved?.(account, remaining)) ? unknownAccount() : thrown;
    });
    const answer = toAnswer(account, grant);
    report.issued(invocation, grant, want);
    return want === 'metadata' ? answer : { access_token: grant.token.accessToken, ...answer };
  };
}

function unknownAccount(): BrokerError {
  return new BrokerError('unknown_account', 'the account is not configured');
}

function toAnswer(account: string, { token, source, remainingMs, warning }: Grant): TokenAnswer {
  return {
    token_type: 'bearer',
    expires_in: Math.floor(remainingMs / 1000),
    expires_at: new Date(expiresAt(token)).toISOString(),
    account,
    token_sha256: token.fingerprint,
    source,
    ...(warning !== undefined && { warning }),
  };
}

/** @throws BrokerError `invalid_request`; its detail names the member and never repeats the value */
function parseBody(members: ReadonlyMap<string, unknown>): Body {
  let body: Body = { want: properties.want.default };
  for (const [name, value] of members) {
    if (!isMember(name)) {
      throw unknownMember('body', name);
    }
    body = { ...body, ...readers[name](value) };
  }
  return body;
}

function isMember(name: string): name is keyof typeof properties {
  return Object.hasOwn(properties, name);
}

function readSeconds(value: unknown): number {
  if (typeof value !== 'number' || !Number.isFinite(value) || value < properties.min_validity.minimum) {
    throw invalidRequest('min_validity is not a number of seconds', 'min_validity');
  }
  return value;
}

function readFingerprint(value: unknown): string {
  if (typeof value !== 'string' || !fingerprintPattern.test(value)) {
    throw invalidRequest('rejected is not a SHA-256 in hex', 'rejected');
  }
  return value.toLowerCase();
}

function readWant(value: unknown): Want {
  const want = properties.want.enum.find((known) => known === value);
  if (want === undefined) {
    throw invalidRequest('want is neither token nor metadata', 'want');
  }
  return want;
}
