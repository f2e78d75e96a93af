// Reads the accounts of a stage, and who may call for them. Called by settings.ts.
import { secretPrefixPattern } from '../../lambda/account-secrets.ts';
import { membersOf } from '../../lambda/json.ts';
import type { AccountProps, Accounts } from '../accounts.ts';
import { boolean, createReader, listOf, type Note, oneOf, type Reader, textLike } from './reader.ts';

/** One right, of one principal on one account. */
export interface CallerSettings {
  /** ARN of a role or user of any AWS account. */
  readonly principal: string;
  readonly account: string;
  /** The method of the construct that grants the right: through the API, or by direct invocation. */
  readonly right: 'grantToken' | 'grantInvoke';
}

/** Accepts the ARN of a role or a user. Administrators of a whole AWS account could pass the right on to others. */
export const principal = textLike(/^arn:[a-z-]+:iam::\d{12}:(role|user)\/[\w+=,.@/-]+$/);
export const principalProblem = 'must be the ARN of a role or a user';

/** Reads the accounts by id. `accountFaults` finds the faults of the ids and ARNs. */
export function readAccounts(value: unknown, note: Note): Accounts {
  return Object.fromEntries(
    [...(membersOf(value) ?? [])].map(([id, account]) => [id, readAccount(account, `accounts.${id}`, note)]),
  );
}

function readAccount(value: unknown, path: string, note: Note): AccountProps {
  const reader = createReader(value, path, note);
  const account = {
    secretArn: reader.optional('secretArn', textLike(/^/), 'must be an ARN'),
    secretKeyArn: reader.optional('secretKeyArn', textLike(/^/), 'must be an ARN'),
    secretName: reader.optional('secretName', oneOf('generated', 'from-id'), 'must be generated or from-id'),
    keepWarm: reader.optional('keepWarm', boolean, 'must be true or false'),
  };
  reader.finish();
  return account;
}

/**
 * Reads how the secrets are named that the stack creates. In one AWS account and region, stages have different prefixes, because the
 * name of the stage is in the default.
 */
export function readNaming({ optional }: Reader, stage: string) {
  const byStage = `fegora/${stage}/`;
  const prefix = optional(
    'secretPrefix',
    textLike(secretPrefixPattern),
    'must be up to 128 letters, digits and characters of /_+=.@- with a slash at the end',
  );
  return {
    secretNames: optional('secretNames', oneOf('generated', 'from-ids'), 'must be generated or from-ids'),
    secretPrefix: prefix ?? (secretPrefixPattern.test(byStage) ? byStage : undefined),
  };
}

/** Reads the callers: one entry for each right. */
export function readCallers(callers: readonly unknown[] = [], accounts: Accounts, note: Note): CallerSettings[] {
  return callers.flatMap((value, index) => {
    const reader = createReader(value, `callers[${index}]`, note);
    const known = listOf(oneOf(...Object.keys(accounts)));
    const arn = reader.required('principal', principal, principalProblem) ?? '';
    const via = reader.optional('via', oneOf('api', 'invoke'), 'must be api or invoke');
    const right = via === 'invoke' ? 'grantInvoke' : 'grantToken';
    const granted = reader.required('accounts', known, 'must be a list of configured accounts, each only once') ?? [];
    reader.finish();
    return granted.map((account) => ({ principal: arn, account, right }) as const);
  });
}
