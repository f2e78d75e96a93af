// The ports of one account, over an item that the test holds. Used by unit tests of lambda/broker.
import { emptyItem } from '../../../lambda/aws/item-record.ts';
import { type Item, userKey } from '../../../lambda/broker/item.ts';
import type { LoginOutcome } from '../../../lambda/broker/login/login-outcome.ts';
import {
  type AccountPorts,
  type Claim,
  type LoginConnection,
  type Ports,
  portsOf,
} from '../../../lambda/broker/ports.ts';
import type { Token } from '../../../lambda/broker/token.ts';
import { defaultLoginBudget } from '../../../lambda/config.ts';
import { createVirtualClock } from '../virtual-clock.ts';

/** When a scene starts. Epoch milliseconds. */
export const noon = Date.UTC(2026, 0, 15, 12);
export const tokenUrl = 'https://fegora.invalid/token';
export const credentials = {
  username: '25365421',
  password: 'not-a-real-password',
  clientId: 'apiApp',
  versionId: 'v1',
};
/** The token that a login brings. */
export const issuedToken = 'not-a-real-token-b';

/** A stored token that lives for 600 s. Its renewal window is the last 200 s, its margin the last 60 s. */
export function tokenWith(leftMs: number): Token {
  const name = { accessToken: 'not-a-real-token-a', fingerprint: 'a'.repeat(64) };
  return { ...name, issuedAt: noon + leftMs - 600_000, lifetimeMs: 600_000, versionId: 'v1' };
}

/** A connection to a Fegora that answers at once. */
export function connectionTo(outcome: LoginOutcome): LoginConnection {
  const send: LoginConnection['send'] = async (_, { beforeFirstByte }) =>
    beforeFirstByte() ? outcome : { kind: 'withheld' };
  return { kind: 'connected', send, close: () => {} };
}

/** The ports that a test replaces. `random` is the number that it always gives. */
export type SceneOptions = Partial<Omit<Ports, 'random' | 'table' | 'clock'>> & { readonly random?: number };

/** The ports, what the test may change of the table, and what happened. */
export interface AccountScene {
  readonly clock: ReturnType<typeof createVirtualClock>;
  readonly ports: AccountPorts;
  /** `isClaimable`: undefined if claims are throttled. */
  readonly stored: { item: Item; isClaimable: boolean | undefined };
  readonly table: { read: Ports['table']['read']; write: Ports['table']['write'] };
  /** When the item was read, and with which signals. Milliseconds since the start. */
  readonly reads: number[];
  readonly signals: AbortSignal[];
  readonly claims: Claim[];
  /** Claims, writes and observations, in their order. */
  readonly events: string[];
}

/** An account that is bound to the user of `credentials`, and holds nothing else but `rest`. Writes do not change the item. */
export function accountScene(rest: Partial<Item> = {}, { random = 0.5, ...options }: SceneOptions = {}): AccountScene {
  const clock = createVirtualClock(noon);
  const bound = { userKey: userKey(tokenUrl, credentials.username) };
  const item = { ...emptyItem('main'), revision: 1, ...bound, ...rest };
  const stored: AccountScene['stored'] = { item, isClaimable: true };
  const reads: number[] = [];
  const signals: AbortSignal[] = [];
  const claims: Claim[] = [];
  const events: string[] = [];
  const table: AccountScene['table'] = {
    read: async (_, signal) => {
      reads.push(clock.monotonic());
      signals.push(signal);
      return { item: stored.item, at: Math.floor(clock.now() / 1000) * 1000 };
    },
    write: async (_, { kind }) => events.push(kind) > 0,
  };
  const ports: Ports = {
    clock,
    random: () => random,
    observe: ({ kind }) => events.push(`saw ${kind}`),
    tokenUrl,
    login: async () => connectionTo({ kind: 'issued', accessToken: issuedToken, lifetimeMs: 600_000 }),
    readCredentials: async () => credentials,
    isConfigured: () => true,
    loginBudget: defaultLoginBudget,
    ...options,
    table: {
      read: (account, signal) => table.read(account, signal),
      write: (account, change, signal) => table.write(account, change, signal),
      claim: async (_, claim) => {
        claims.push(claim);
        events.push('claim');
        return stored.isClaimable;
      },
      bindUser: () => Promise.reject(new Error('not asked for here')),
    },
  };
  return { clock, ports: portsOf('main', ports), stored, table, reads, signals, claims, events };
}
