// Parses a stored record into an Item. Called by token-table.ts.
import type { Item, LogEntry } from '../broker/item.ts';
import type { UserOwner } from '../broker/ports.ts';
import { fingerprint, seal, type Token } from '../broker/token.ts';
import { isErrorCode } from '../errors.ts';
import { refreshSeal } from './refresh-seal.ts';
import { isBound, settledText, type TokenBinding } from './token-binding.ts';

/**
 * The only form of the item that this version understands. `schema`, `revision`, `lease_until`, `retry_at` and `marks`
 * keep their meaning in every form to come, so that environments of two versions never log in together.
 */
export const schemaVersion = 1;

/** The last that a Date can hold. DynamoDB stores numbers far over it, and nothing of ours comes near. */
const latestTime = 8.64e15;

/** An attribute as DynamoDB's JSON has it, of the kinds that the item uses. */
export type Attribute =
  | { readonly S: string }
  | { readonly N: string }
  | { readonly BOOL: boolean }
  | { readonly SS: readonly string[] };

/** What a record turned out to be. */
export interface Parsed {
  readonly item: Item;
  /** Whether a token is stored that is cut, changed or another account's. */
  readonly isTokenMalformed: boolean;
  /** Whether a whole token is stored that is bound to something else. */
  readonly isUnbound: boolean;
}

/** The item of an account without any login so far. */
export function emptyItem(account: string): Item {
  return {
    account,
    revision: 0,
    generation: 0,
    leaseUntil: 0,
    failures: {},
    isSlow: false,
    rejectedCredentials: new Set(),
    sends: [],
    logins: [],
    paused: false,
  };
}

/**
 * Reads a stored record. What is missing or damaged is left out, or named in `fault` if no login may build on it.
 *
 * @param binding what a stored token must be bound to; absent: anything
 */
export function parseRecord(account: string, record: unknown, binding?: TokenBinding): Parsed {
  if (record === undefined) {
    return { item: emptyItem(account), isTokenMalformed: false, isUnbound: false };
  }
  const fields = fieldsOf(record);
  const { token, ...found } = storedToken(account, fields, binding);
  const item: Item = {
    ...emptyItem(account),
    ...defined({
      fault: faultOf(fields),
      revision: fields.number('revision'),
      generation: fields.number('generation'),
      leaseUntil: fields.number('lease_until'),
      owner: fields.text('owner'),
      token,
      lifetimeMs: fields.number('lifetime_ms'),
      tokenUser: fields.text('token_user'),
      ...refreshFields(account, fields, binding),
      ...failureFields(fields),
      isSlow: fields.flag('slow'),
      renewAt: fields.number('renew_at'),
      ...userFields(fields),
      paused: fields.flag('paused'),
      lastLogin: fields.number('last_login'),
      loginMs: fields.number('login_ms'),
      dueAt: fields.number('due_at'),
      isUnasked: fields.has('unasked') || undefined,
    }),
  };
  return { item, ...found };
}

function storedToken(account: string, fields: Fields, binding: TokenBinding | undefined) {
  const sealed = sealedToken(account, fields);
  const bounds = [fields.text('bound_to'), fields.text('bound_also')];
  const token = sealed && isBound(sealed.accessToken, bounds, binding) ? sealed : undefined;
  const isTokenMalformed = sealed === undefined && fields.has('access_token');
  return { token, isTokenMalformed, isUnbound: sealed !== token };
}

/** The refresh token, if its seal fits. */
function refreshFields(account: string, fields: Fields, binding: TokenBinding = '') {
  const text = fields.text('refresh_token');
  if (text === undefined) {
    return { refresh: fields.has('refresh_seal') ? ('taken' as const) : undefined };
  }
  const token = tokenTimes(fields);
  const tokenUser = fields.text('token_user');
  const generation = fields.number('generation') ?? 0;
  const sealed = token && { account, refreshToken: text, token, tokenUser, generation, binding: settledText(binding) };
  const isSealed = sealed !== undefined && fields.text('refresh_seal') === refreshSeal(sealed);
  return { refresh: 'held' as const, refreshToken: isSealed ? { text, versionId: sealed.token.versionId } : undefined };
}

/** What is known of the user that the account is bound to. */
function userFields(fields: Fields) {
  return {
    userKey: fields.text('user_key'),
    rejectedCredentials: fields.set('marks'),
    lastGood: fields.text('proven'),
    retryRejectedAt: fields.number('next_try'),
    retryKey: fields.text('retry_key'),
    sends: logOf(fields.text('sends')),
    logins: logOf(fields.text('logins')),
  };
}

/** The account that a user's item names, and the one that it was taken from. */
export function parseOwner(record: unknown): UserOwner | undefined {
  const fields = fieldsOf(record);
  const account = fields.text('owner_account');
  return account === undefined ? undefined : { account, ...defined({ from: fields.text('from_account') }) };
}

function failureFields(fields: Fields) {
  const code = fields.text('last_error_code');
  const at = fields.number('last_error_at');
  const retryCode = fields.text('retry_code');
  return {
    retryAt: fields.number('retry_at'),
    retryCode: isErrorCode(retryCode) ? retryCode : undefined,
    failedAnswer: fields.text('failed_answer'),
    failures: countsOf(fields.text('failed_counts')),
    lastError: isErrorCode(code) && at !== undefined ? { code, at } : undefined,
  };
}

/** Counts as item-update.ts writes them: `<class>.<count>`, one space between two. Others are left out. */
function countsOf(text: string | undefined): Readonly<Record<string, number>> | undefined {
  const counts = text?.split(' ').map((count) => /^([a-z]{1,20})\.(\d{1,6})$/.exec(count));
  return counts && Object.fromEntries(counts.flatMap((count) => (count ? [[count[1], Number(count[2])]] : [])));
}

/** Entries as item-update.ts writes them: `<seconds in base 36>.<tag>`, one space between two. Others are left out. */
function logOf(text: string | undefined): readonly LogEntry[] | undefined {
  return text?.split(' ').flatMap((entry) => {
    const [, seconds = '', tag = ''] = /^([0-9a-z]{1,8})\.([0-9a-f]{0,8})$/.exec(entry) ?? [];
    return seconds === '' ? [] : [{ at: Number.parseInt(seconds, 36) * 1000, tag }];
  });
}

/** The first attribute that makes it unsafe to log in. */
function faultOf(fields: Fields): string | undefined {
  if (fields.number('schema') !== schemaVersion) {
    return 'schema';
  }
  const isSound: Record<string, boolean> = {
    revision: isCount(fields.number('revision')),
    lease_until: !fields.has('lease_until') || fields.number('lease_until') !== undefined,
    retry_at: !fields.has('retry_at') || fields.number('retry_at') !== undefined,
    // Without it, an environment could not tell whether its token may still be handed out.
    generation: !fields.has('generation') || isCount(fields.number('generation')),
    marks: !fields.has('marks') || fields.set('marks') !== undefined,
  };
  return Object.keys(isSound).find((name) => !isSound[name]);
}

function isCount(value: number | undefined): boolean {
  return value !== undefined && Number.isSafeInteger(value) && value > 0;
}

/** The stored token as it was published: a token that was cut, changed or taken from another account has not this seal. */
function sealedToken(account: string, fields: Fields): Token | undefined {
  const accessToken = fields.text('access_token');
  const times = tokenTimes(fields);
  if (accessToken === undefined || times === undefined) {
    return undefined;
  }
  const token = { accessToken, fingerprint: fingerprint(accessToken), ...times };
  return fields.text('seal') === seal(account, token) ? token : undefined;
}

/** What stays of the latest token when its text is removed. */
function tokenTimes(fields: Fields): Pick<Token, 'issuedAt' | 'lifetimeMs' | 'versionId'> | undefined {
  const issuedAt = fields.number('issued_at');
  const lifetimeMs = fields.number('lifetime_ms');
  const versionId = fields.text('version_id');
  const isWhole = issuedAt !== undefined && lifetimeMs !== undefined && versionId !== undefined;
  return isWhole ? { issuedAt, lifetimeMs, versionId } : undefined;
}

type Fields = ReturnType<typeof fieldsOf>;

/** Typed looks into a record of unknown content: anything of another type than asked for is not there. */
function fieldsOf(record: unknown) {
  const attributes = new Map<string, unknown>(isObject(record) ? Object.entries(record) : []);
  const look = (name: string, kind: string): unknown => {
    const attribute = attributes.get(name);
    return isObject(attribute) && Object.hasOwn(attribute, kind) ? attribute[kind] : undefined;
  };
  return {
    has: (name: string) => attributes.has(name),
    text: (name: string) => {
      const value = look(name, 'S');
      return typeof value === 'string' ? value : undefined;
    },
    number: (name: string) => {
      const value = look(name, 'N');
      const parsed = typeof value === 'string' && value !== '' ? Number(value) : Number.NaN;
      return Math.abs(parsed) <= latestTime ? parsed : undefined;
    },
    flag: (name: string) => look(name, 'BOOL') === true,
    set: (name: string): ReadonlySet<string> | undefined => {
      const value = look(name, 'SS');
      return Array.isArray(value) ? new Set(value.filter((member) => typeof member === 'string')) : undefined;
    },
  };
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}

/** Without the members that are undefined, so that a default beneath shows through. */
function defined<T extends object>(members: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  // The cast states what the filter does; the type system cannot follow Object.entries.
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]: Exclude<T[K], undefined>;
  };
}
