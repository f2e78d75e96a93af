// Finds the proxy that the environment names, and makes agents that go through it. Called by https.ts and the CLI.
import { Agent } from 'node:https';

/** Environment variables: `HTTPS_PROXY`, `ALL_PROXY` and `NO_PROXY`, also in lower case. */
export type ProxyVariables = Readonly<Record<string, string | undefined>>;

/** A proxy to go through, or why it cannot be used. */
export type NamedProxy = { readonly url: URL; readonly variable: string } | { readonly unused: string };

/** Returns the proxy for https that the variables name. Undefined if they name none. */
export function proxyOf(env: ProxyVariables): NamedProxy | undefined {
  const variable = ['https_proxy', 'HTTPS_PROXY', 'all_proxy', 'ALL_PROXY'].find((name) => env[name]);
  if (variable === undefined) {
    return undefined;
  }
  const given = env[variable] ?? '';
  const full = given.includes('://') ? given : `http://${given}`;
  const url = URL.canParse(full) ? new URL(full) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol)) {
    return { unused: `${variable} is not used: it is not an http URL. Set http://<host>:<port>.` };
  }
  if (!isDecodable(url.username + url.password)) {
    return { unused: `${variable} is not used: its user or password has a % that encodes nothing. Write % as %25.` };
  }
  // Node has this flag since the versions in which an agent takes `proxyEnv`.
  return process.allowedNodeEnvironmentFlags.has('--use-env-proxy')
    ? { url, variable }
    : {
        unused: `${variable} is not used: Node ${process.versions.node} cannot. Use Node 22.21, 24.5 or later.`,
      };
}

/** Node's agent decodes the user and the password of a proxy. */
function isDecodable(text: string): boolean {
  try {
    decodeURIComponent(text);
    return true;
  } catch {
    return false;
  }
}

/**
 * Returns an agent without kept connections that goes through the proxy, except to loopback and the hosts of `NO_PROXY`. Undefined if
 * there is no proxy. If there is one that cannot be used, Node prints a warning, once.
 *
 * @see https://nodejs.org/api/http.html#built-in-proxy-support
 */
export function proxyAgent(env: ProxyVariables): Agent | undefined {
  const proxy = proxyOf(env);
  if (proxy === undefined) {
    return undefined;
  }
  if ('unused' in proxy) {
    warnOnce(proxy.unused);
    return undefined;
  }
  const direct = ['localhost', '127.0.0.1', '::1', ...withSubdomains(env.no_proxy || env.NO_PROXY)];
  return new Agent({ proxyEnv: { HTTPS_PROXY: proxy.url.href, NO_PROXY: direct.join() } });
}

/** For curl, `example.com` stands for its subdomains too. For Node, only `.example.com` does. */
function withSubdomains(hosts = ''): readonly string[] {
  const names = hosts.split(/[\s,]+/).filter(Boolean);
  return names.flatMap((name) => (/^[.*\d[]/.test(name) ? [name] : [name, `.${name}`]));
}

let warned = '';

function warnOnce(text: string): void {
  if (warned !== text) {
    warned = text;
    process.emitWarning(text);
  }
}
