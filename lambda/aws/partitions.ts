// The domains of AWS's partitions. Called by dynamodb.ts. Secrets Manager is called with the table of the SDK.

/**
 * The domain by the start of the name of a region. All other regions are in the domain `amazonaws.com`. Synth refuses the
 * partitions that are apart from the internet, if it knows the region (infra/settings/regions.ts). If it does not, an error of
 * the login says so, and not one of the table.
 */
const domains = {
  'cn-': 'amazonaws.com.cn',
  'eusc-': 'amazonaws.eu',
  'us-iso-': 'c2s.ic.gov',
  'us-isob-': 'sc2s.sgov.gov',
  'eu-isoe-': 'cloud.adc-e.uk',
  'us-isof-': 'csp.hci.ic.gov',
};

/**
 * Returns the domain of the endpoints in a region.
 *
 * @see https://docs.aws.amazon.com/general/latest/gr/rande.html
 */
export function domainOf(region: string): string {
  return Object.entries(domains).find(([start]) => region.startsWith(start))?.[1] ?? 'amazonaws.com';
}
