// Warms the accounts on a schedule, as EventBridge does in AWS. Called by start.ts.
import { aliases } from '../lambda/config.ts';
import { membersOf, parseJson } from '../lambda/json.ts';
import type { LocalRun } from './local-run.ts';

/** What a warm-up did with one account. */
export interface WarmUp {
  /** When it began. Epoch milliseconds. */
  readonly at: number;
  readonly account: string;
  /** `fresh`, `renewed`, `skipped` or `failed:<code>`. */
  readonly outcome: string;
  /** How long the warm-up of all accounts took. Milliseconds. */
  readonly ms: number;
}

/** The default `warmUpMinutes` of the stack. Milliseconds. */
export const warmUpEveryMs = 4 * 60_000;

/**
 * Invokes the function's alias `warmup` every `everyMs`, with the input of the stack's schedule. The first time is
 * after `everyMs`. Like EventBridge, it does not try a failed one again.
 *
 * @returns a function that ends it
 */
export function startWarmUps(
  { gateway, settings }: Pick<LocalRun, 'gateway' | 'settings'>,
  onWarmUp: (warmUp: WarmUp) => void,
  everyMs = warmUpEveryMs,
): () => void {
  const accounts = [...settings.config.accounts.keys()];
  const timer = setInterval(() => void warm(), everyMs);
  return () => clearInterval(timer);

  async function warm(): Promise<void> {
    const [at, from] = [Date.now(), performance.now()];
    const { payload } = await gateway.invoke(JSON.stringify({ accounts }), aliases.warmup);
    const outcomes = outcomesOf(payload);
    for (const account of accounts) {
      onWarmUp({ at, account, outcome: outcomes.get(account) ?? 'failed', ms: performance.now() - from });
    }
  }
}

function outcomesOf(payload: string): ReadonlyMap<unknown, string> {
  const results = membersOf(parseJson(payload))?.get('results');
  return new Map(
    (Array.isArray(results) ? results : []).map((result) => [
      membersOf(result)?.get('account'),
      String(membersOf(result)?.get('outcome')),
    ]),
  );
}
