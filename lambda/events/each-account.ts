/** How many accounts are worked on at a time. */
const lanes = 5;

/** Works on every account, a few at a time, and keeps their order. `work` must not reject. */
export async function forEachAccount<T>(
  accounts: readonly string[],
  work: (account: string) => Promise<T>,
): Promise<readonly T[]> {
  const results: T[] = [];
  const queue = accounts.entries();
  const lane = async () => {
    for (const [index, account] of queue) {
      results[index] = await work(account);
    }
  };
  await Promise.all(Array.from({ length: lanes }, lane));
  return results;
}
