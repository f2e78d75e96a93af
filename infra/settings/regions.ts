import type { Accounts } from '../accounts.ts';

/** ARNs, or nothing, by where they stand in the settings. */
type Arns = Readonly<Record<string, string | undefined>>;

/** What the accounts name outside of the stack. */
export function arnsOfAccounts(accounts: Accounts): Arns {
  return Object.fromEntries(
    Object.entries(accounts).flatMap(([id, { secretArn, secretKeyArn }]) => [
      [`accounts.${id}.secretArn`, secretArn],
      [`accounts.${id}.secretKeyArn`, secretKeyArn],
    ]),
  );
}

/**
 * What is in another region than the stack: neither its alarms, nor its events, nor the function reach there. Nothing
 * is known to be where the stack's region is not.
 */
export function regionFaults(region: string | undefined, arns: Arns): string[] {
  return Object.entries(arns).flatMap(([where, arn]) => {
    const [, , , other] = arn?.split(':') ?? [];
    const isElsewhere = region !== undefined && other !== undefined && other !== region;
    return isElsewhere ? [`${where}: is in ${other}, the stack in ${region}`] : [];
  });
}
