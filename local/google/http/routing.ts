import type { IncomingMessage } from 'node:http';

/** The target of a request: a Google host, or a route of this server itself. */
export interface Target {
  /** Undefined for a route of this server itself. */
  host: string | undefined;
  url: URL;
}

const METADATA_HOSTS = ['metadata.google.internal', 'metadata', '169.254.169.254'];
export const METADATA_HOST = 'metadata.google.internal';

const isGoogleHost = (name: string): boolean =>
  /^([a-z0-9-]+\.)*(googleapis\.com|google\.com|gstatic\.com|googleusercontent\.com|google\.internal)$/.test(name);

const hostHeaderOf = ({ headers }: IncomingMessage): string => (headers.host ?? '').replace(/:\d+$/, '').toLowerCase();

/** Clients reach the metadata server by `GCE_METADATA_HOST=127.0.0.1:PORT`, so its paths start at the root. */
const isForMetadata = (request: IncomingMessage, path: string): boolean =>
  path.startsWith('/computeMetadata/') ||
  (path.split('?')[0] === '/' && request.headers['metadata-flavor'] === 'Google');

/**
 * Finds the target in `/<host>/<path>`, or, for clients behind an intercepting proxy, in the `Host` header. Returns
 * undefined for an invalid address.
 */
export function targetOf(request: IncomingMessage): Target | undefined {
  const raw = request.url ?? '/';
  // An HTTP proxy sends the whole URL.
  const path = raw.startsWith('http://') && URL.canParse(raw) ? raw.slice(new URL(raw).origin.length) || '/' : raw;
  const [, first = '', rest = '/'] = /^\/([^/?]+)(.*)$/.exec(path) ?? [];
  const header = hostHeaderOf(request);
  const at = (host: string | undefined, under: string): Target | undefined => {
    const address = `https://${host ?? 'localhost'}${under.startsWith('/') ? under : `/${under}`}`;
    if (!URL.canParse(address)) return undefined;
    const url = new URL(address);
    try {
      decodeURIComponent(url.pathname);
    } catch {
      return undefined;
    }
    return { host, url };
  };
  // Some clients add the port.
  const named = first.toLowerCase().replace(/:443$/, '');
  if (named.includes('.') && isGoogleHost(named)) return at(named, rest);
  if (METADATA_HOSTS.includes(header) || isForMetadata(request, path)) return at(METADATA_HOST, path);
  if (isGoogleHost(header)) return at(header, path);
  // `/some.host/…` names a host that is not known here.
  if (/^[a-z0-9-]+(\.[a-z0-9-]+)+$/i.test(first) && rest !== '/') return at(first.toLowerCase(), rest);
  return at(undefined, path);
}
