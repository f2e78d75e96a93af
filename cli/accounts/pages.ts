// Reads which accounts were added without a deployment, page by page. Called by list.ts and ../status/status.ts.
import { accountIdPattern } from '../../lambda/account-secrets.ts';
import type { Secrets } from '../aws/secrets-client.ts';
import { hasTag, type OpenSettings } from './open-secrets.ts';

/** An account whose secret exists. Times are ISO 8601. */
export interface AddedAccount {
  readonly account: string;
  readonly added?: string;
  /** When its secret was marked for deletion, which `accounts remove` does. */
  readonly removed?: string;
}

/** Yields every account, each page as soon as it is there. A page has up to 100 accounts, and may have none. */
export async function* accountPages(secrets: Secrets, settings: OpenSettings): AsyncGenerator<readonly AddedAccount[]> {
  let next: unknown;
  do {
    const { SecretList: list, NextToken: token } = await secrets.call('ListSecrets', requestOf(settings, next));
    yield Array.isArray(list) ? list.flatMap((secret) => accountOf(settings, { ...Object(secret) })) : [];
    next = token;
  } while (typeof next === 'string');
}

/** The filters compare beginnings, so each secret is checked again. */
function requestOf({ prefix, tag }: OpenSettings, next: unknown): object {
  return {
    Filters: [
      { Key: 'name', Values: [prefix] },
      { Key: 'tag-key', Values: [tag.key] },
      { Key: 'tag-value', Values: [tag.value] },
    ],
    MaxResults: 100,
    IncludePlannedDeletion: true,
    SortOrder: 'asc',
    ...(next !== undefined && { NextToken: next }),
  };
}

function accountOf(settings: OpenSettings, secret: Readonly<Record<string, unknown>>): AddedAccount[] {
  const { Name: name = '', CreatedDate: created, DeletedDate: deleted } = secret;
  const account = String(name).slice(settings.prefix.length);
  const isOurs = String(name).startsWith(settings.prefix) && accountIdPattern.test(account) && hasTag(secret, settings);
  const times = {
    ...(created !== undefined && { added: isoOf(created) }),
    ...(deleted !== undefined && { removed: isoOf(deleted) }),
  };
  return isOurs ? [{ account, ...times }] : [];
}

/** @param seconds epoch seconds with a fraction */
function isoOf(seconds: unknown): string {
  return new Date(Number(seconds) * 1000).toISOString();
}
