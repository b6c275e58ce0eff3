import { failure } from './errors.ts';

const HOST = /^https:\/\/([\w.-]+)(?=[/?]|$)/;

/** Google's API hosts; others (AWS's, a metadata server's, an OIDC issuer's) are left alone. */
const isGoogle = (host: string): boolean =>
  ['googleapis.com', 'google.com'].some((domain) => host === domain || host.endsWith(`.${domain}`));

const isLoopback = (hostname: string): boolean => /^(localhost|127(\.\d+){3}|\[::1\])$/.test(hostname);

/** Where a Google URL really leads. */
export type Rewrite = (url: string) => string;

/**
 * `COURIER_GOOGLE_ORIGIN` (development and tests only): `https://HOST/PATH` of a Google host becomes `<origin>/HOST/PATH`.
 * @throws CourierClientError `usage` unless its host is loopback: anybody else would be handed credentials
 */
export const rewriteFor = (origin: string | undefined): Rewrite => {
  if (origin === undefined || origin === '') return (url) => url;
  if (!URL.canParse(origin) || !isLoopback(new URL(origin).hostname)) {
    throw failure('usage', { detail: 'COURIER_GOOGLE_ORIGIN is not an address of this machine.' });
  }
  const base = new URL(origin).origin;
  return (url) => url.replace(HOST, (whole, host: string) => (isGoogle(host) ? `${base}/${host}` : whole));
};
