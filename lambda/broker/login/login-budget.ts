// How many logins one Fegora user gets, and how callers that force renewals share them. Pure; called by decide.ts.
import { BrokerError } from '../../errors.ts';
import { dayMs, hourMs, minuteMs } from '../clock.ts';
import type { LogEntry } from '../item.ts';
import type { LoginBudget } from '../ports.ts';
import { fullUntil, recent } from './doubt.ts';

/** Logins of this user that Fegora granted or may have granted. The tag is that of the caller that forced it, or empty. */
export type LoginLog = readonly LogEntry[];

/** How far apart logins are once the budget is used up. Milliseconds. */
const spacedMs = 15 * minuteMs;
/** How many renewals one caller may force in a short time. */
const forcedInShort = 3;
const shortMs = 5 * minuteMs;

/**
 * The budget for tokens of this lifetime. Short-lived tokens need more logins than the settings allow: each lifetime gets
 * four: one or two that are due, the rest for reported tokens and for failures.
 *
 * @param lifetimeMs lifetime of the latest token; undefined if there was none yet
 */
export function budgetFor({ perHour, perDay }: LoginBudget, lifetimeMs: number | undefined): LoginBudget {
  const needed = (periodMs: number) => (lifetimeMs === undefined ? 0 : Math.ceil((4 * periodMs) / lifetimeMs));
  return { perHour: Math.max(perHour, needed(hourMs)), perDay: Math.max(perDay, needed(dayMs)) };
}

/** Why no login may start now: the budget is used up and the last login is under 15 minutes ago. */
export function budgetBlock(logins: LoginLog, budget: LoginBudget, now: number): BrokerError | undefined {
  const inDay = recent(logins, now);
  const last = inDay.at(-1);
  const isUsedUp = countSince(inDay, now - hourMs) >= budget.perHour || inDay.length >= budget.perDay;
  const retryAfterMs = last === undefined ? 0 : last.at + spacedMs - now;
  return isUsedUp && retryAfterMs > 0
    ? new BrokerError('login_budget', 'the login budget of this user is used up', { retryAfterMs })
    : undefined;
}

/**
 * Why this caller may not force a renewal now: it forced three within five minutes, or half of the hour's budget. So a
 * caller that reports every token costs the others neither a token nor the budget.
 */
export function forcedBlock(logins: LoginLog, caller: string, budget: LoginBudget, now: number) {
  const own = logins.filter(({ tag }) => tag === caller);
  const until = Math.max(
    fullUntil(own, { most: forcedInShort, windowMs: shortMs }, now),
    fullUntil(own, { most: Math.ceil(budget.perHour / 2), windowMs: hourMs }, now),
  );
  return until > now
    ? new BrokerError('too_many_rejections', 'this caller has used up its forced renewals', {
        retryAfterMs: until - now,
      })
    : undefined;
}

/** Whether half of the budget is used up. */
export function isHalfUsed(logins: LoginLog, budget: LoginBudget, now: number): boolean {
  const inDay = recent(logins, now);
  return countSince(inDay, now - hourMs) * 2 >= budget.perHour || inDay.length * 2 >= budget.perDay;
}

function countSince(log: LoginLog, since: number): number {
  return log.filter(({ at }) => at > since).length;
}
