import type { IncomingMessage } from 'node:http';

/** Where a request wants to go: a Google host, or this server's own pages. */
export interface Target {
  /** Undefined for this server's own pages. */
  host: string | undefined;
  url: URL;
}

const METADATA_HOSTS = ['metadata.google.internal', 'metadata', '169.254.169.254'];
export const METADATA_HOST = 'metadata.google.internal';

const isGoogleHost = (name: string): boolean =>
  /^([a-z0-9-]+\.)*(googleapis\.com|google\.com|gstatic\.com|googleusercontent\.com|google\.internal)$/.test(name);

const hostHeaderOf = ({ headers }: IncomingMessage): string => (headers.host ?? '').replace(/:\d+$/, '').toLowerCase();

/** The metadata server is addressed by `GCE_METADATA_HOST=127.0.0.1:PORT`, so its paths stand at the root. */
const isForMetadata = (request: IncomingMessage, path: string): boolean =>
  path.startsWith('/computeMetadata/') ||
  (path.split('?')[0] === '/' && request.headers['metadata-flavor'] === 'Google');

/**
 * `/<host>/<path>` first; then, for clients behind an intercepting proxy, the `Host` header.
 * Undefined for what is no address.
 */
export function targetOf(request: IncomingMessage): Target | undefined {
  const raw = request.url ?? '/';
  // A plain HTTP proxy sends the whole address.
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
  // Some clients insist on naming the port.
  const named = first.toLowerCase().replace(/:443$/, '');
  if (named.includes('.') && isGoogleHost(named)) return at(named, rest);
  if (METADATA_HOSTS.includes(header) || isForMetadata(request, path)) return at(METADATA_HOST, path);
  if (isGoogleHost(header)) return at(header, path);
  // `/some.host/…` was meant as a host, and is none that is known here.
  if (/^[a-z0-9-]+(\.[a-z0-9-]+)+$/i.test(first) && rest !== '/') return at(first.toLowerCase(), rest);
  return at(undefined, path);
}
