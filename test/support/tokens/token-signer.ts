import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto';

/** A signing key for tokens that uses only node:crypto, so that it can also sign what no library would. */
export interface Signer {
  kid: string;
  alg: 'RS256' | 'ES256';
  privateKey: KeyObject;
  publicKey: KeyObject;
  /** As Google publishes it, with `kid`, `alg` and `use`. */
  publicJwk: Record<string, unknown>;
  /** A signed token. Texts and bytes are used unchanged, objects as JSON. */
  token(payload: object | string | Buffer, header?: object | string): string;
}

export const base64url = (data: object | string | Buffer): string =>
  Buffer.from(typeof data === 'string' || Buffer.isBuffer(data) ? data : JSON.stringify(data)).toString('base64url');

/** The signature over a token's first two parts. */
export const signInput = (alg: Signer['alg'], key: KeyObject, input: string): Buffer =>
  sign('sha256', Buffer.from(input), alg === 'ES256' ? { key, dsaEncoding: 'ieee-p1363' } : key);

export const createSigner = (kid: string, alg: Signer['alg'] = 'RS256', modulusLength = 2048): Signer => {
  const { privateKey, publicKey } =
    alg === 'RS256'
      ? generateKeyPairSync('rsa', { modulusLength })
      : generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
  return {
    kid,
    alg,
    privateKey,
    publicKey,
    publicJwk: { ...publicKey.export({ format: 'jwk' }), kid, alg, use: 'sig' },
    token(payload, header = { alg, kid, typ: 'JWT' }) {
      const input = `${base64url(header)}.${base64url(payload)}`;
      return `${input}.${base64url(signInput(alg, privateKey, input))}`;
    },
  };
};

/** A fixed time for all tests: 2026-11-24T12:00:00Z, in epoch seconds. */
export const NOON_SECONDS = 1_795_521_600;
export const AUDIENCE = 'https://courier-test-an.a.run.app';

/** The claims of a service account's ID token, as Google's token endpoint issues them. */
export const goodClaims = (changes: object = {}): Record<string, unknown> => ({
  iss: 'https://accounts.google.com',
  aud: AUDIENCE,
  azp: '113774264463038321964',
  sub: '113774264463038321964',
  email: 'exporter@my-proj.iam.gserviceaccount.com',
  email_verified: true,
  iat: NOON_SECONDS,
  exp: NOON_SECONDS + 3600,
  ...changes,
});
