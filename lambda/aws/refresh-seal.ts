// Stores a refresh token so that only the login after it can use it. Called by item-record.ts, item-update.ts and token-table.ts.
import type { Change, Claim } from '../broker/ports.ts';
import { fingerprint, type Token } from '../broker/token.ts';

/** The attributes of a refresh token. While a login has taken the token, its seal stays. */
export const refreshAttributes = ['refresh_token', 'refresh_seal'];

/** What a refresh token belongs to. */
export interface SealedRefresh {
  readonly account: string;
  readonly refreshToken: string;
  /** The token that came with it. */
  readonly token: Pick<Token, 'issuedAt' | 'lifetimeMs' | 'versionId'>;
  /** `userKey` of the user that both were bought as. */
  readonly tokenUser: string | undefined;
  /** Of the item. A purge, a revocation and a pause raise it. */
  readonly generation: number;
  /** What the token is bound to: token URL, client id and secret id. */
  readonly binding: string;
}

/**
 * Binds a refresh token to what it was bought with. Another login, of an older version of the function too, ends the refresh
 * token at Fegora, and leaves it here with a seal that does not fit any more. 64 hex digits.
 */
export function refreshSeal({ account, refreshToken, token, tokenUser, generation, binding }: SealedRefresh): string {
  const { issuedAt, lifetimeMs, versionId } = token;
  const sealed = [account, refreshToken, issuedAt, lifetimeMs, versionId, tokenUser ?? '', generation, binding];
  return fingerprint(JSON.stringify(sealed));
}

/** What a claim removes. The seal stays when the refresh token is taken: if it does not go out, it is put back. */
export function refreshRemovedBy({ refresh }: Claim): readonly string[] {
  if (refresh === undefined) {
    return [];
  }
  return refresh === 'take' ? ['refresh_token'] : refreshAttributes;
}

/** What a publication sets. */
export function refreshSet(
  account: string,
  { token, tokenUser, refresh }: Extract<Change, { kind: 'publish' }>,
  binding: string,
) {
  if (refresh === undefined || refresh === 'none') {
    return {};
  }
  const { token: refreshToken, generation } = refresh;
  const sealed = refreshSeal({ account, refreshToken, token, tokenUser, generation, binding });
  return { refresh_token: { S: refreshToken }, refresh_seal: { S: sealed } };
}

/** A condition, and its values by name, as update-expressions.ts takes them. */
interface Condition {
  readonly condition: string;
  readonly conditionValues: Readonly<Record<string, { readonly S: string } | { readonly N: string }>>;
}

/**
 * The condition of a holder's change. One that stores a refresh token also needs that no purge, revocation or pause came after
 * the claim: they leave none.
 */
export function ofClaim(held: Condition, change: Extract<Change, { kind: 'publish' | 'fail' }>): Condition {
  const { refresh } = change;
  if (refresh === undefined || refresh === 'none') {
    return held;
  }
  const claimedIn = refresh.generation - (change.kind === 'publish' && change.isOtherUser ? 1 : 0);
  if (claimedIn === 0) {
    return { ...held, condition: `${held.condition} AND attribute_not_exists(#generation)` };
  }
  const conditionValues = { ...held.conditionValues, claimed_in: { N: String(claimedIn) } };
  return { condition: `${held.condition} AND #generation = :claimed_in`, conditionValues };
}

/** What a holder writes in place of a change that was refused because an operator ended the refresh tokens. */
export function withoutRefresh(change: Change, owner: string | undefined): Change | undefined {
  if ((change.kind !== 'publish' && change.kind !== 'fail') || change.owner !== owner) {
    return undefined;
  }
  const { refresh, ...rest } = change;
  return refresh === undefined || refresh === 'none' ? undefined : rest;
}
