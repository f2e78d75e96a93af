// Works on many accounts, a few at a time. Called by admin.ts and warmup.ts.

/** How many accounts it works on at the same time. */
const concurrency = 5;

/**
 * Calls `work` for every account and returns the results in the order of the accounts. `work` must not reject.
 *
 * @param first the index of the account to begin with; the accounts before it come last
 */
export async function forEachAccount<T>(
  accounts: readonly string[],
  work: (account: string) => Promise<T>,
  first = 0,
): Promise<readonly T[]> {
  const results: T[] = [];
  const indexed = [...accounts.entries()];
  const queue = [...indexed.slice(first), ...indexed.slice(0, first)].values();
  const worker = async () => {
    for (const [index, account] of queue) {
      results[index] = await work(account);
    }
  };
  await Promise.all(Array.from({ length: concurrency }, worker));
  return results;
}
