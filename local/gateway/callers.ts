// The callers of the local run, their keys and their rights. Used by local-run.ts, bench and the tests.
import { randomBytes } from 'node:crypto';
import { localAccount } from './function.ts';
import type { SigningKeys } from './sigv4.ts';

/** An identity of the local run, with its rights. */
export interface Caller extends SigningKeys {
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
}

/** The callers of the local run. */
export interface LocalCallers {
  readonly all: Caller;
  readonly first: Caller;
  readonly none: Caller;
  readonly operator: Caller;
}

/**
 * Four callers to try rights with: one for all accounts, one for the first account only (a role, so it has a session
 * token), one without rights, and an operator. Each call makes new keys, so a page or a program that knows the sources
 * knows no key of a run.
 */
export function localCallers(firstAccount: string): LocalCallers {
  return {
    all: { ...user('all', 'every account'), paths: ['POST/token', 'POST/token/*'], aliases: ['account-*'] },
    first: {
      ...user('first', `account ${firstAccount} only`),
      sessionToken: `local-session-token-${random(16)}`,
      arn: `arn:aws:sts::${localAccount}:assumed-role/local-first/session`,
      principalId: 'AROALOCALFIRST:session',
      paths: [`POST/token/${firstAccount}`],
      aliases: [`account-${firstAccount}`],
    },
    none: { ...user('none', 'nothing'), paths: [], aliases: [] },
    operator: { ...user('operator', 'operators: admin and warm-ups'), paths: [], aliases: ['admin', 'warmup'] },
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

/** Whether one of the patterns allows the resource. A pattern may have `*` at its end only. */
export function isAllowed(patterns: readonly string[], resource: string): boolean {
  return patterns.some((pattern) =>
    pattern.endsWith('*') ? resource.startsWith(pattern.slice(0, -1)) : resource === pattern,
  );
}
