/** Direct on Cloud Run; behind a load balancer; its regional form (iap/docs/signed-headers-howto). */
const IAP_FORMS = [
  /^\/projects\/\d+\/locations\/[a-z0-9-]+\/services\/[a-z0-9-]+$/,
  /^\/projects\/\d+\/global\/backendServices\/\d+$/,
  /^\/projects\/\d+\/[a-z0-9-]+\/backendServices\/\d+$/,
];

const IAP_SHAPE = '/projects/NUMBER/locations/REGION/services/NAME or /projects/NUMBER/global/backendServices/ID';

const LOOPBACK: ReadonlySet<string> = new Set(['127.0.0.1', 'localhost', '[::1]']);

const isIapAudience = (audience: string): boolean => IAP_FORMS.some((form) => form.test(audience));

const faultOfUrl = (audience: string): string | undefined => {
  if (!URL.canParse(audience)) return 'is no URL';
  const { protocol, hostname, search, hash, username } = new URL(audience);
  if (protocol !== 'https:' && !(protocol === 'http:' && LOOPBACK.has(hostname))) {
    return 'is not an https URL (http is for loopback alone), so no token is made for it';
  }
  if (search !== '' || hash !== '' || username !== '')
    return 'has a query, a fragment or a user: the URL ends with its path';
  return undefined;
};

/** Why no token can ever have this audience; undefined: one can. */
export const faultOfAudience = (audience: string, identity: unknown): string | undefined => {
  const named = `"${audience}"`;
  if (/[\s,;]/.test(audience) || audience.split('://').length > 2) {
    return `${named} holds several values: list each on its own`;
  }
  if (identity === 'iap') return isIapAudience(audience) ? undefined : `${named} is no audience of IAP (${IAP_SHAPE})`;
  if (isIapAudience(audience))
    return `${named} is an audience of IAP: set "identity: iap", or give the service's https URL`;
  if (/^[a-z][a-z0-9+.-]*:\/\//i.test(audience)) {
    const fault = faultOfUrl(audience);
    return fault === undefined ? undefined : `${named} ${fault}`;
  }
  if (/\.(?:run\.app|cloudfunctions\.net)(?:\/|$)/i.test(audience)) return `${named} must begin with https://`;
  return undefined;
};
