import { failure } from './errors.ts';
import { isLoopback } from './loopback-host.ts';

const HOST = /^https:\/\/([\w.-]+)(?=[/?]|$)/;

/** Only Google's API hosts are rewritten; AWS, metadata servers and OIDC issuers are not. */
const isGoogle = (host: string): boolean =>
  ['googleapis.com', 'google.com'].some((domain) => host === domain || host.endsWith(`.${domain}`));

/** Maps the URL of a Google API to the URL to call. */
export type Rewrite = (url: string) => string;

/**
 * `COURIER_GOOGLE_ORIGIN` (development and tests only): `https://HOST/PATH` of a Google host becomes `<origin>/HOST/PATH`.
 * @throws CourierClientError `usage` unless the origin's host is loopback; any other host would receive credentials
 */
export const rewriteFor = (origin: string | undefined): Rewrite => {
  if (origin === undefined || origin === '') return (url) => url;
  if (!URL.canParse(origin) || !isLoopback(new URL(origin).hostname)) {
    throw failure('usage', { detail: 'COURIER_GOOGLE_ORIGIN is not a loopback address.' });
  }
  const base = new URL(origin).origin;
  return (url) => url.replace(HOST, (whole, host: string) => (isGoogle(host) ? `${base}/${host}` : whole));
};
