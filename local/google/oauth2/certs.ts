import { createPublicKey } from 'node:crypto';
import type { GoogleCall } from '../google-service.ts';
import { sendJson } from '../http/answers.ts';
import { publicPemOf } from '../world/keys.ts';
import type { ServiceAccountKey } from '../world/state.ts';

/** How many seconds clients may cache the keys. Google's own value varies between five and seven hours. */
const MAX_AGE_SECONDS = 20_000;
const CACHED = { 'cache-control': `public, max-age=${MAX_AGE_SECONDS}, must-revalidate, no-transform` };

const jwkOf = ({ id, privateKeyPem }: ServiceAccountKey, alg: string): object => ({
  ...createPublicKey(privateKeyPem).export({ format: 'jwk' }),
  alg,
  use: 'sig',
  kid: id,
});

export const sendJwks = (call: GoogleCall, keys: readonly ServiceAccountKey[], alg: 'RS256' | 'ES256'): void =>
  sendJson(call.response, 200, { keys: keys.map((key) => jwkOf(key, alg)) }, CACHED);

/**
 * `{kid: PEM}`, as in the answers of `oauth2/v1/certs` and `robot/v1/metadata/x509`. Google wraps the keys in X.509
 * certificates. Here they are plain public keys, which every verifier that was tried accepts too.
 */
export const sendPems = (call: GoogleCall, keys: readonly ServiceAccountKey[]): void =>
  sendJson(
    call.response,
    200,
    Object.fromEntries(keys.map(({ id, privateKeyPem }) => [id, publicPemOf(privateKeyPem)])),
    CACHED,
  );
