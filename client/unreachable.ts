// Says why a server could not be reached. Called by https.ts.
import { isLoopback } from './endpoint.ts';
import { TokenBrokerError } from './errors.ts';
import { type NamedProxy, type ProxyVariables, proxyOf } from './proxy.ts';

/**
 * Returns the error `broker_unreachable` with the cause in its text, as far as it is known.
 *
 * @param cause what Node threw
 * @param env the variables that may name a proxy
 */
export function unreachable(cause: unknown, url: URL, env: ProxyVariables): TokenBrokerError {
  const failed: NetworkFailure = Object(cause);
  const proxy = proxyOf(env);
  const reasons =
    proxy === undefined || 'unused' in proxy
      ? [reasonOf(failed, url), proxy?.unused]
      : [proxyReason(failed, url, proxy) ?? reasonOf(failed, url)];
  const text = ['The token broker cannot be reached.', ...reasons].filter(Boolean).join(' ');
  return new TokenBrokerError('broker_unreachable', text, { retryable: true, cause });
}

/** What Node's errors of connections have. */
interface NetworkFailure {
  readonly message?: string;
  readonly code?: string;
  /** The status with which a proxy refused. */
  readonly statusCode?: number;
  readonly hostname?: string;
  readonly port?: number;
}

/** Returns undefined if the proxy is not the cause. */
function proxyReason(
  { code, statusCode, hostname, port, message = '' }: NetworkFailure,
  { host }: URL,
  { url, variable }: Extract<NamedProxy, { readonly url: URL }>,
): string | undefined {
  const name = `The proxy ${url.host}, which ${variable} names,`;
  if (code === 'ERR_PROXY_TUNNEL') {
    const login = url.username ? 'Correct the user and password in' : 'Put its user and password into';
    const advice = statusCode === 407 ? `${login} ${variable}` : `Ask for a way to ${host}`;
    return `${name} refused with status ${statusCode ?? 'unknown'}. ${advice}.`;
  }
  if (url.protocol === 'https:' && speaksNoTls.test(message)) {
    return `${name} does not speak TLS. Write http:// in ${variable}.`;
  }
  return hostname === url.hostname || port === Number(url.port || 80)
    ? `${name} cannot be reached (${code}).`
    : undefined;
}

/** What OpenSSL says of an answer that is not TLS. */
const speaksNoTls = /wrong version number|packet length too long/;

function reasonOf({ code = '', message = '' }: NetworkFailure, url: URL): string {
  const { host, hostname } = url;
  if (code === 'ECONNREFUSED' && isLoopback(url)) {
    return `Nothing listens on ${host}. Start the local run, or check the port.`;
  }
  if (speaksNoTls.test(message)) {
    return `${host} does not speak TLS. Check the port; on loopback, use http.`;
  }
  if (/CERT|ISSUER|LEAF_SIGNATURE/.test(code)) {
    return `The certificate of ${host} is not trusted (${code}). If a proxy opens TLS, name its certificate in NODE_EXTRA_CA_CERTS.`;
  }
  if (code === 'ENOTFOUND') {
    return `There is no host ${hostname}. Check the endpoint, and whether this network knows its name.`;
  }
  return message && `${message.split('\n', 1)}.`;
}
