// Finds regions that do not work, and ARNs of another region than that of the stack. Called by settings.ts, prop-faults.ts
// and resource-faults.ts.
import type { Accounts } from '../accounts.ts';

/** ARNs by their path in the settings. An absent ARN is undefined. */
type Arns = Readonly<Record<string, string | undefined>>;

/** Returns the ARNs that the accounts name, by path. */
export function arnsOfAccounts(accounts: Accounts): Arns {
  return Object.fromEntries(
    Object.entries(accounts).flatMap(([id, { secretArn, secretKeyArn }]) => [
      [`accounts.${id}.secretArn`, secretArn],
      [`accounts.${id}.secretKeyArn`, secretKeyArn],
    ]),
  );
}

/**
 * Returns a fault if the region is in a partition that is apart from the internet: `aws-iso` and its like. Returns no fault
 * if the region of the stack is not known.
 */
export function partitionFaults(region: string | undefined): string[] {
  return region !== undefined && /^[a-z]+-iso[a-z]?-/.test(region)
    ? [`env.region: ${region} has no way to the internet, so the broker could not reach Fegora: choose another region`]
    : [];
}

/**
 * Returns a fault for each ARN of another region than that of the stack. The alarms, the events and the function of the
 * stack cannot use such a resource. Returns no fault if the region of the stack is not known.
 */
export function regionFaults(region: string | undefined, arns: Arns): string[] {
  return Object.entries(arns).flatMap(([path, arn]) => regionFault(region, path, arn?.split(':')[3]));
}

/** Returns a fault if the other region is not that of the stack. Returns no fault if one of the two is not known. */
export function regionFault(region: string | undefined, path: string, other: string | undefined): string[] {
  return region !== undefined && other !== undefined && other !== region
    ? [`${path}: is in ${other}, but the stack is in ${region}: both must be in the same region`]
    : [];
}
