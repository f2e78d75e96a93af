// The callers of the local run, their keys and their rights. Used by local-run.ts, bench and the tests.
import { randomBytes } from 'node:crypto';
import { hasTag, pathByTag } from '../../infra/grants/account-tag.ts';
import { localAccount } from './function.ts';
import type { Context, Tags } from './policy.ts';
import type { SigningKeys } from './sigv4.ts';

/** An identity of the local run, with its rights. */
export interface Caller extends SigningKeys, Context {
  /** A short name for people. */
  readonly name: string;
  /** The rights in a few words. */
  readonly title: string;
  readonly arn: string;
  /** Unique id. For a role, the session's name follows it. */
  readonly principalId: string;
  /** Methods and paths that the caller may call, as in the ARN of `execute-api:Invoke`. */
  readonly paths: readonly string[];
  /** Aliases that the caller may invoke. The empty name is the unqualified function. */
  readonly aliases: readonly string[];
  /** The roles that the caller may assume. @default none */
  readonly roles?: readonly LocalRole[];
}

/** A role that a caller assumes with a session tag. */
export interface LocalRole extends Pick<Caller, 'name' | 'title' | 'arn' | 'paths' | 'conditions'> {
  /** Key of the session tag that its trust policy asks for. */
  readonly sessionTag: string;
}

/** The callers of the local run. */
export interface LocalCallers {
  readonly all: Caller;
  readonly first: Caller;
  readonly tenant: Caller;
  readonly worker: Caller;
  readonly none: Caller;
  readonly operator: Caller;
}

/** The key of the tag that names the account of a session, in the local run and in the documentation. */
export const accountTag = 'fegora-account';

const tenantRole: LocalRole = {
  name: 'tenant',
  title: `the account that its session tag ${accountTag} names`,
  arn: `arn:aws:iam::${localAccount}:role/local-tenant`,
  // What `grantTokenByTag` writes.
  paths: [`POST${pathByTag(accountTag)}`],
  conditions: hasTag(accountTag).StringLike,
  sessionTag: accountTag,
};

/**
 * Callers to try rights with: one for all accounts, one for the first account only (a role, so it has a session token), a
 * session of a role whose tag names the first account, a worker that may start such sessions, one without rights, and an
 * operator. Each call makes new keys, so a page or a program that knows the sources knows no key of a run.
 */
export function localCallers(firstAccount: string): LocalCallers {
  return {
    all: { ...user('all', 'every account'), paths: ['POST/token', 'POST/token/*'], aliases: ['account-*'] },
    first: {
      ...user('first', `account ${firstAccount} only`),
      sessionToken: newSessionToken(),
      arn: `arn:aws:sts::${localAccount}:assumed-role/local-first/session`,
      principalId: 'AROALOCALFIRST:session',
      paths: [`POST/token/${firstAccount}`],
      aliases: [`account-${firstAccount}`],
    },
    tenant: assumed(tenantRole, { name: 'session', tags: { [accountTag]: firstAccount } }),
    worker: {
      ...user('worker', `nothing, but it may assume ${tenantRole.arn} with the tag ${accountTag}`),
      paths: [],
      aliases: [],
      roles: [tenantRole],
    },
    none: { ...user('none', 'nothing'), paths: [], aliases: [] },
    operator: { ...user('operator', 'operators: admin and warm-ups'), paths: [], aliases: ['admin', 'warmup'] },
  };
}

/** Returns a new session of a role. Without `expiresAt` (epoch milliseconds), it does not end. */
export function assumed(
  { name, title, arn, paths, conditions = {} }: LocalRole,
  session: { readonly name: string; readonly tags: Tags; readonly expiresAt?: number },
): Caller {
  const { expiresAt } = session;
  return {
    ...user(name, title),
    sessionToken: newSessionToken(),
    arn: `${arn.replace(':iam:', ':sts:').replace(':role/', ':assumed-role/')}/${session.name}`,
    principalId: `AROALOCAL${name.toUpperCase()}:${session.name}`,
    ...{ paths, conditions, aliases: [], tags: session.tags },
    ...(expiresAt !== undefined && { expiresAt }),
  };
}

function user(name: string, title: string): Omit<Caller, 'paths' | 'aliases'> {
  return {
    name,
    title,
    accessKeyId: `local-${name}-${random(4)}`,
    secretAccessKey: `not-a-real-key-${random(16)}`,
    arn: `arn:aws:iam::${localAccount}:user/local-${name}`,
    principalId: `AIDALOCAL${name.toUpperCase()}`,
  };
}

function random(bytes: number): string {
  return randomBytes(bytes).toString('hex');
}

function newSessionToken(): string {
  return `local-session-token-${random(16)}`;
}
