import { createGoogleRewrite, isLoopback } from '../../text/urls/hosts.ts';
import { failure } from '../errors.ts';

/** Where a Google URL really leads. */
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
  return createGoogleRewrite(new URL(origin).origin);
};
