// Decides which addresses get keys, signatures and passwords, and which one the environment names. Called by the commands.
import { loadConfig } from '@smithy/core/config';
import { type AwsService, isAws, isLoopback, isSafe } from '../../client/endpoint.ts';
import { environment } from '../environment.ts';
import { CommandError, exitCodes } from '../failure.ts';

/** An address, and what named it: an option, a variable or a profile. */
export interface NamedEndpoint {
  readonly url: string;
  readonly from: string;
}

/** The services that the SDK asks for keys, and those that the commands call: the ids of AWS's SDKs. */
const services = {
  'Secrets Manager': 'secretsmanager',
  Lambda: 'lambda',
  STS: 'sts',
  SSO: 'sso',
  'SSO OIDC': 'oidc',
  Signin: 'signin',
} as const satisfies Record<string, AwsService>;

type ServiceId = keyof typeof services;

/**
 * Returns the URL if it may get a signed request or a password: a host of this service of AWS, loopback, or an origin that
 * `--allow-endpoint` names on the command line. Off loopback only with https.
 *
 * @throws CommandError that says what to do. It repeats at most the origin: the rest of a URL may hold a password
 */
export function checkEndpoint({ url: given, from }: NamedEndpoint, service: AwsService, allowed: Origins = []): URL {
  const url = URL.canParse(given) ? new URL(given) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol)) {
    throw refused(`${from} is not a URL with https and a port up to 65535, such as https://example.com/v1`);
  }
  if (url.username !== '' || url.password !== '') {
    throw refused(`${from} has a user or a password in it; name it without them`);
  }
  if (!isSafe(url)) {
    throw refused(`${url.origin} (${from}) can be read on the network; use https, or ${without(from)}`);
  }
  if (!isLoopback(url) && !isAws(url, service) && !allowed.includes(url.origin)) {
    const advice = `${without(from)}, or add --allow-endpoint ${url.origin} if you trust it`;
    throw refused(`${url.origin} (${from}) is not an address of AWS’s ${service}; ${advice}`);
  }
  sources.set(url, from);
  return url;
}

/** What named an address: kept for the case that nothing answers there. */
const sources = new WeakMap<URL, string>();

/** Returns a sentence if an address is of a variable or a profile: the operator may not know of it. Otherwise an empty text. */
export function originOf(url: URL): string {
  const from = sources.get(url) ?? '';
  return /AWS_|profile/.test(from) ? ` The address is from ${from}.` : '';
}

type Origins = readonly string[];

function refused(text: string): CommandError {
  return new CommandError(exitCodes.usage, `nothing was sent: ${text}`);
}

function without(from: string): string {
  return from.startsWith('AWS_') ? `unset ${from}` : 'name another one';
}

/**
 * Returns the origins that `--allow-endpoint` names, which may be given more than once.
 *
 * @throws CommandError if it is not an https URL, because `http` is never allowed off loopback
 */
export function addAllowed(given: string, before: Origins = []): Origins {
  const url = URL.canParse(given) ? new URL(given) : undefined;
  if (url?.protocol !== 'https:') {
    throw new CommandError(exitCodes.usage, '--allow-endpoint is not an https URL, such as https://example.com');
  }
  return [...before, url.origin];
}

/**
 * Checks every address that the environment and the profile name, also for the calls with which the SDK gets keys.
 *
 * @throws CommandError as `checkEndpoint`, and if certificates are not checked
 */
export async function checkConfigured(profile: string | undefined, allowed: Origins): Promise<void> {
  if (environment.NODE_TLS_REJECT_UNAUTHORIZED === '0') {
    const advice = 'unset it; NODE_EXTRA_CA_CERTS names the certificate of a company’s proxy';
    throw refused(`NODE_TLS_REJECT_UNAUTHORIZED=0 lets anyone answer as AWS; ${advice}`);
  }
  for (const [id, service] of Object.entries(services)) {
    // The SDK's own calls for keys take the default profile's addresses, whatever profile they are for.
    for (const named of new Set([profile, undefined])) {
      const configured = await configuredEndpoint(id, named);
      if (configured !== undefined) {
        checkEndpoint(configured, service, allowed);
      }
    }
  }
}

/**
 * Returns the address of a service that the environment or the profile names, as the SDK finds it.
 *
 * @param id one of `services`, as AWS's SDKs write it
 * @see https://docs.aws.amazon.com/sdkref/latest/guide/feature-ss-endpoints.html
 */
export async function configuredEndpoint(
  id: ServiceId | (string & {}),
  profile: string | undefined,
): Promise<NamedEndpoint | undefined> {
  const options = profile === undefined ? {} : { profile };
  const suffix = id.replaceAll(' ', '_');
  const find = loadConfig<NamedEndpoint | null>(
    {
      environmentVariableSelector: (env) => fromEnvironment(env, `AWS_ENDPOINT_URL_${suffix.toUpperCase()}`),
      configFileSelector: (section, file) => fromProfile(section, file, suffix.toLowerCase()),
      default: null,
    },
    options,
  );
  return (await find()) ?? undefined;
}

function fromEnvironment(env: Readonly<Record<string, string | undefined>>, ofService: string) {
  if (env.AWS_IGNORE_CONFIGURED_ENDPOINT_URLS === 'true') {
    return null;
  }
  const from = [ofService, 'AWS_ENDPOINT_URL'].find((name) => env[name]);
  return from === undefined ? undefined : { from, url: env[from] ?? '' };
}

type Section = Readonly<Record<string, string | undefined>>;

function fromProfile(section: Section, file: Readonly<Record<string, Section>> | undefined, service: string) {
  if (section.ignore_configured_endpoint_urls === 'true') {
    return null;
  }
  const ofService = file?.[`services.${section.services}`]?.[`${service}.endpoint_url`];
  const url = ofService || section.endpoint_url;
  return url ? { from: 'endpoint_url of the AWS profile', url } : undefined;
}
