// Works on many accounts, a few at a time. Called by admin.ts and warmup.ts.

/** How many accounts it works on at the same time. */
const concurrency = 5;

/** Calls `work` for every account and returns the results in the order of the accounts. `work` must not reject. */
export async function forEachAccount<T>(
  accounts: readonly string[],
  work: (account: string) => Promise<T>,
): Promise<readonly T[]> {
  const results: T[] = [];
  const queue = accounts.entries();
  const worker = async () => {
    for (const [index, account] of queue) {
      results[index] = await work(account);
    }
  };
  await Promise.all(Array.from({ length: concurrency }, worker));
  return results;
}
