/** Google's API hosts; others that its libraries may call (AWS's STS, a metadata server) are left alone. */
const GOOGLE_HOST = /^https:\/\/((?:[\w-]+\.)*(?:googleapis|google|gstatic)\.com)(?=[/?]|$)/;

/** Where a URL really leads: with an origin set, `https://HOST/PATH` of a Google host becomes `<origin>/HOST/PATH`. */
export const createRewrite = (origin: string | undefined): ((url: string) => string) =>
  origin === undefined ? (url) => url : (url) => url.replace(GOOGLE_HOST, `${origin}/$1`);
