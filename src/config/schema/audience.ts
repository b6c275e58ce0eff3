import { isLoopback } from '../../text/urls/hosts.ts';

/** On Cloud Run; behind a load balancer; behind a regional load balancer (iap/docs/signed-headers-howto). */
const IAP_FORMS = [
  /^\/projects\/\d+\/locations\/[a-z0-9-]+\/services\/[a-z0-9-]+$/,
  /^\/projects\/\d+\/global\/backendServices\/\d+$/,
  /^\/projects\/\d+\/[a-z0-9-]+\/backendServices\/\d+$/,
];

const IAP_SHAPE = '/projects/NUMBER/locations/REGION/services/NAME or /projects/NUMBER/global/backendServices/ID';

const isIapAudience = (audience: string): boolean => IAP_FORMS.some((form) => form.test(audience));

const faultOfUrl = (audience: string): string | undefined => {
  if (!URL.canParse(audience)) return 'is not a URL';
  const { protocol, hostname, search, hash, username } = new URL(audience);
  if (protocol !== 'https:' && !(protocol === 'http:' && isLoopback(hostname))) {
    return 'is not an https URL (http is allowed for loopback only)';
  }
  if (search !== '' || hash !== '' || username !== '')
    return 'has a query, a fragment or a user name: end the URL with its path';
  return undefined;
};

/** Why no token can have this audience; undefined if one can. */
export const faultOfAudience = (audience: string, identity: unknown): string | undefined => {
  const named = `"${audience}"`;
  if (/[\s,;]/.test(audience) || audience.split('://').length > 2) {
    return `${named} contains several values: list each one separately`;
  }
  if (identity === 'iap') return isIapAudience(audience) ? undefined : `${named} is not an IAP audience (${IAP_SHAPE})`;
  if (isIapAudience(audience))
    return `${named} is an IAP audience: set "identity: iap", or use the service's https URL`;
  if (/^[a-z][a-z0-9+.-]*:\/\//i.test(audience)) {
    const fault = faultOfUrl(audience);
    return fault === undefined ? undefined : `${named} ${fault}`;
  }
  if (/\.(?:run\.app|cloudfunctions\.net)(?:\/|$)/i.test(audience)) return `${named} must begin with https://`;
  return undefined;
};
