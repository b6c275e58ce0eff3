import type { HttpsProxyAgent } from 'https-proxy-agent';
import { isLoopback } from '../../text/urls/hosts.ts';
import { failure } from '../errors.ts';

/** The proxy failed, not the server that it forwards to. */
export class ProxyError extends Error {
  /** False if the proxy rejected the request: only another setting helps. */
  readonly retryable: boolean;

  constructor(message: string, retryable: boolean, cause?: unknown) {
    super(message, { cause });
    this.retryable = retryable;
  }
}

type Env = Readonly<Record<string, string | undefined>>;

/** One entry of NO_PROXY: `host`, `.suffix`, `*.suffix` or `*`, each with an optional port. A host includes its subdomains. */
const matches = (entry: string, { hostname, port }: URL): boolean => {
  const [, host = '', only] = /^(.*?)(?::(\d+))?$/.exec(entry) ?? [];
  if (only !== undefined && only !== (port || '443')) return false;
  if (host === '*') return true;
  const domain = host.replace(/^\*?\./, '').toLowerCase();
  return domain !== '' && (hostname === domain || hostname.endsWith(`.${domain}`));
};

const isExcluded = (env: Env, url: URL): boolean =>
  (env.no_proxy ?? env.NO_PROXY ?? '')
    .split(/[\s,]+/)
    .filter((entry) => entry !== '')
    .some((entry) => matches(entry, url));

/**
 * The proxy for a URL, from `HTTPS_PROXY` (or `https_proxy`) and `NO_PROXY` (or `no_proxy`). Only https URLs use one: the client
 * speaks plain http to this machine and to metadata servers, which no proxy can reach.
 * @throws CourierClientError `usage` if the variable is not the URL of an HTTP proxy
 */
export const proxyFor = (env: Env, url: URL): URL | undefined => {
  if (url.protocol !== 'https:') return undefined;
  const value = (env.https_proxy ?? env.HTTPS_PROXY ?? '').trim();
  if (value === '' || isLoopback(url.hostname) || isExcluded(env, url)) return undefined;
  const text = value.includes('://') ? value : `http://${value}`;
  const proxy = URL.canParse(text) ? new URL(text) : undefined;
  if (proxy === undefined || !/^https?:$/.test(proxy.protocol)) {
    // The value may contain a password, so it is not repeated.
    throw failure('usage', {
      detail: 'HTTPS_PROXY is not the URL of an HTTP proxy, such as http://proxy.example:3128.',
    });
  }
  return proxy;
};

const agents = new Map<string, HttpsProxyAgent<string>>();

/** One agent for each proxy, kept for the life of the process. Loaded on first use: most callers have no proxy. */
export const proxyAgent = async (proxy: URL): Promise<HttpsProxyAgent<string>> => {
  const known = agents.get(proxy.href);
  if (known !== undefined) return known;
  const { HttpsProxyAgent } = await import('https-proxy-agent');
  const agent = new HttpsProxyAgent(proxy.href, { keepAlive: true });
  agents.set(proxy.href, agent);
  return agent;
};

/** The proxy without its user name and password. */
export const proxyName = ({ protocol, host }: URL): string => `the proxy ${protocol}//${host} (HTTPS_PROXY)`;
