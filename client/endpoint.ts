// The rule for the addresses that signatures, keys and tokens may be sent to. Used by the client, the CLI and the local run.

/** The services that our code calls. */
export type AwsService = 'execute-api' | 'lambda' | 'secretsmanager' | 'sts' | 'sso' | 'oidc' | 'signin';

const regionName = '[a-z]{2,4}(-[a-z]+){1,2}-\\d';
/** Of all partitions, also for dual-stack endpoints. */
const suffix =
  '(amazonaws\\.(com(\\.cn)?|eu)|api\\.(aws|amazonwebservices\\.(com\\.cn|eu))|s?c2s\\.(ic|sgov)\\.gov|csp\\.hci\\.ic\\.gov|cloud\\.adc-e\\.uk)';
const loopback = /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])$/;

/** Returns true if the URL leads to this machine's loopback interface. */
export function isLoopback({ hostname }: URL): boolean {
  return loopback.test(hostname);
}

/**
 * Returns true if the host is an endpoint of this service of AWS, or a VPC endpoint of it. The domain of AWS does not say
 * enough: the hosts of buckets, load balancers and machines in it belong to customers.
 *
 * @see https://docs.aws.amazon.com/general/latest/gr/rande.html
 */
export function isAws({ hostname }: URL, service: AwsService): boolean {
  const ofService = new RegExp(`(^|\\.)${service}(-fips)?\\.${regionName}\\.(vpce\\.)?${suffix}$`);
  return ofService.test(hostname) || (service === 'sts' && hostname === 'sts.amazonaws.com');
}

/** Returns true if the text has the form of the name of a region of AWS. */
export function isRegion(text: string): boolean {
  return new RegExp(`^${regionName}$`).test(text);
}

/** Returns true if no one on the network can read what is sent to this URL: https, or http on loopback. */
export function isSafe(url: URL): boolean {
  return url.protocol === 'https:' || (url.protocol === 'http:' && isLoopback(url));
}

/**
 * Returns the URL.
 *
 * @param option the name of the option or variable, for the error
 * @throws TypeError that says what is wrong. It repeats at most the host: the rest of a URL may hold a password
 */
export function parseEndpoint(given: string, option: string): URL {
  const url = URL.canParse(given) ? new URL(given) : undefined;
  const fault = faultOf(url);
  if (url === undefined || fault !== undefined) {
    throw new TypeError(`${option}: ${fault}`);
  }
  return url;
}

/**
 * Returns the URL of an API of AWS. `AWS_ENDPOINT_URL` is often left over from another project: a host that is not of
 * AWS could repeat the signed request, and get the token.
 *
 * @throws TypeError as `parseEndpoint`, and for a host that is neither of AWS nor loopback
 */
export function parseAwsEndpoint(given: string, option: string, service: AwsService): URL {
  const url = parseEndpoint(given, option);
  if (!isAws(url, service) && !isLoopback(url)) {
    const advice = 'Unset it, or set the URL of AWS or of loopback';
    throw new TypeError(`${option}: ${url.hostname} is not a host of AWS. ${advice}`);
  }
  return url;
}

function faultOf(url: URL | undefined): string | undefined {
  if (url === undefined || !/^https?:$/.test(url.protocol)) {
    return 'not a URL with https. Pass the whole URL, such as https://example.com/v1';
  }
  if (url.username || url.password) {
    return 'the URL has a user or a password in it. Pass it without them';
  }
  if (!isSafe(url)) {
    return `http to ${url.hostname} can be read on the network. Pass an https URL; only loopback may use http`;
  }
  return undefined;
}

/** Returns the region in the name of an API or of its VPC endpoint: the part before the domain of AWS. */
export function regionOf(hostname: string): string | undefined {
  return new RegExp(`\\.execute-api\\.([a-z0-9-]+)\\.(vpce\\.)?${suffix}$`).exec(hostname)?.[1];
}
