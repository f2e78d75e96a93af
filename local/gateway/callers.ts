import { localAccount } from './function.ts';
import type { SigningKeys } from './sigv4.ts';

/** An identity of the local run, with its rights. */
export interface Caller extends SigningKeys {
  /** What the rights are, in a few words. */
  readonly title: string;
  readonly arn: string;
  /** Unique id; of a role, with the session's name. */
  readonly principalId: string;
  /** Methods and paths it may call, as they stand in an `execute-api:Invoke` ARN. */
  readonly paths: readonly string[];
  /** Aliases it may invoke; the empty name is the unqualified function. */
  readonly aliases: readonly string[];
}

/** Who may do what in the local run. */
export interface LocalCallers {
  readonly all: Caller;
  readonly first: Caller;
  readonly none: Caller;
  readonly operator: Caller;
}

/**
 * Callers for trying rights out: on all accounts, on the first alone (a role, so with a session token), on none; and an
 * operator. The keys are no secret: they are good for nothing but this process.
 */
export function localCallers(firstAccount: string): LocalCallers {
  return {
    all: { ...user('all', 'every account'), paths: ['POST/token', 'POST/token/*'], aliases: ['account-*'] },
    first: {
      ...user('first', `account ${firstAccount} only`),
      sessionToken: 'local-session-token',
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
    title,
    accessKeyId: `local-${name}`,
    secretAccessKey: `not-a-real-key-${name}`,
    arn: `arn:aws:iam::${localAccount}:user/local-${name}`,
    principalId: `AIDALOCAL${name.toUpperCase()}`,
  };
}

/** Whether one of the patterns allows a resource. `*` stands at the end only. */
export function isAllowed(patterns: readonly string[], resource: string): boolean {
  return patterns.some((pattern) =>
    pattern.endsWith('*') ? resource.startsWith(pattern.slice(0, -1)) : resource === pattern,
  );
}
