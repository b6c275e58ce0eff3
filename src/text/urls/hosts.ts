/** True for the host names of this machine itself. */
export const isLoopback = (hostname: string): boolean => /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])$/.test(hostname);

/** Google's API hosts. Other hosts (AWS's, a metadata server's, an OIDC issuer's) are not Google's. */
const GOOGLE_HOST = /^https:\/\/((?:[\w-]+\.)*(?:googleapis|google|gstatic)\.com)(?=[/?]|$)/;

/**
 * Where a URL really leads. With an origin (COURIER_GOOGLE_ORIGIN), `https://HOST/PATH` of a Google host becomes
 * `<origin>/HOST/PATH`; all other URLs stay as they are.
 */
export const createGoogleRewrite = (origin: string | undefined): ((url: string) => string) =>
  origin === undefined ? (url) => url : (url) => url.replace(GOOGLE_HOST, `${origin}/$1`);
