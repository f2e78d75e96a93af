// Reads the accounts of a stage, and who may call for them. Called by settings.ts.
import { accountIdPattern, secretPrefixPattern } from '../../lambda/account-secrets.ts';
import { membersOf } from '../../lambda/json.ts';
import type { AccountProps, Accounts } from '../accounts.ts';
import { tagKeyFault } from '../grants/account-tag.ts';
import type { TokenBrokerProps } from '../token-broker-props.ts';
import { createReader, listOf, type Note, oneOf, type Reader, textLike } from './reader.ts';

/** One right of one principal: the ARN of a role or user of any AWS account, and the method of the construct that grants the right. */
export type CallerSettings = { readonly principal: string } & (
  | { readonly right: 'grantToken' | 'grantInvoke'; readonly account: string }
  | { readonly right: 'grantTokenByTag'; readonly tagKey: string }
  | { readonly right: 'grantTokenForAll' }
);

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
    keepWarm: reader.optional(
      'keepWarm',
      oneOf<boolean | 'in-use'>(true, false, 'in-use'),
      'must be true, false or in-use',
    ),
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
export function readCallers(callers: readonly unknown[] = [], broker: KnownAccounts, note: Note): CallerSettings[] {
  return callers.flatMap((value, index) => {
    const path = `callers[${index}]`;
    const reader = createReader(value, path, note);
    const arn = reader.required('principal', principal, principalProblem) ?? '';
    const via = reader.optional('via', oneOf('api', 'invoke'), 'must be api or invoke');
    const rights = readRights(reader, broker, via, (fault) => note(`${path}.${fault}`));
    reader.finish();
    return rights.map((right) => ({ principal: arn, ...right }));
  });
}

/** The props that say which accounts there can be. */
type KnownAccounts = Pick<TokenBrokerProps, 'accounts' | 'openAccounts'>;

/** What a right is, without its principal. */
type Right = CallerSettings extends infer Each
  ? Each extends CallerSettings
    ? Omit<Each, 'principal'>
    : never
  : never;

type Via = 'api' | 'invoke' | undefined;

const accountsProblem = 'must be a list of configured accounts, each only once, or "all"';

/** Reads the accounts of a caller: those of a list, all of them, or the one that a tag names. */
function readRights(reader: Reader, broker: KnownAccounts, via: Via, note: Note): Right[] {
  const rights = readTagRight(reader, note) ?? readListedRights(reader, broker, via);
  if (via === 'invoke' && rights.some(({ right }) => right !== 'grantInvoke')) {
    note('via: invoke is for a list of accounts, because each account has its own alias: use api');
  }
  return rights;
}

/** Undefined if the caller has no `accountTag`. */
function readTagRight({ optional }: Reader, note: Note): Right[] | undefined {
  const tagKey = optional('accountTag', textLike(/^/), 'must be a text');
  if (tagKey === undefined) {
    return undefined;
  }
  optional('accounts', () => undefined, 'the tag names the account: remove accounts or accountTag');
  const fault = tagKeyFault(tagKey);
  if (fault !== undefined) {
    note(`accountTag: ${fault}`);
  }
  return [{ right: 'grantTokenByTag', tagKey }];
}

/** An open account has no alias, so only the API serves it. */
function readListedRights({ required }: Reader, { accounts, openAccounts }: KnownAccounts, via: Via): Right[] {
  const isOpen = Boolean(openAccounts) && via !== 'invoke';
  const known = isOpen ? textLike(accountIdPattern) : oneOf(...Object.keys(accounts));
  const [all, listed] = [oneOf('all'), listOf(known)];
  const granted = required('accounts', (value) => all(value) ?? listed(value), accountsProblem) ?? [];
  const right = via === 'invoke' ? 'grantInvoke' : 'grantToken';
  return granted === 'all' ? [{ right: 'grantTokenForAll' }] : granted.map((account) => ({ right, account }));
}
