// Warms the accounts on a schedule, as EventBridge does in AWS. Called by start.ts.
import { aliases } from '../lambda/config.ts';
import { membersOf, parseJson } from '../lambda/json.ts';
import type { LocalRun } from './local-run.ts';
import type { QueueEvent } from './queue.ts';

/** What a warm-up did with one account. */
export interface WarmUp {
  /** When it began. Epoch milliseconds. */
  readonly at: number;
  readonly account: string;
  /** `fresh`, `renewed`, `skipped` or `failed:<code>`; `in use` if it came by the queue, whose answer has no outcome. */
  readonly outcome: string;
  /** How long the warm-up of all accounts of the event took. Milliseconds. */
  readonly ms: number;
}

/** The default `warmUpMinutes` of the stack. Milliseconds. */
export const warmUpEveryMs = 4 * 60_000;

/**
 * Invokes the function's alias `warmup` every `everyMs`, with the inputs of the stack's schedules, and hands over the messages of
 * the queue, if there is one. The first time is after `everyMs`. Like EventBridge, it does not try a failed one again.
 *
 * @returns a function that ends it
 */
export function startWarmUps(
  { gateway, settings, queue }: Pick<LocalRun, 'gateway' | 'settings' | 'queue'>,
  onWarmUp: (warmUp: WarmUp) => void,
  everyMs = warmUpEveryMs,
): () => void {
  const accounts = [...settings.config.accounts.keys()];
  const timer = setInterval(() => {
    void warm();
    if (queue !== undefined) {
      void invoke({ due: true, except: accounts });
    }
  }, everyMs);
  queue?.deliver(keepWarm);
  return () => clearInterval(timer);

  function invoke(event: object) {
    return gateway.invoke(JSON.stringify(event), aliases.warmup);
  }

  async function keepWarm(event: QueueEvent): Promise<void> {
    const [at, from] = [Date.now(), performance.now()];
    await invoke(event);
    for (const { body } of event.Records) {
      const account = String(membersOf(parseJson(body))?.get('account'));
      onWarmUp({ at, account, outcome: 'in use', ms: performance.now() - from });
    }
  }

  async function warm(): Promise<void> {
    const [at, from] = [Date.now(), performance.now()];
    const { payload } = await invoke({ accounts });
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
