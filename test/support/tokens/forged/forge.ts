import { base64url, createSigner, goodClaims, type Signer } from '../token-signer.ts';

/** A request's headers as they are sent, and what they attempt. */
export interface Attempt {
  name: string;
  headers: [string, string][];
}

export const bearer = (name: string, token: string): Attempt => ({
  name,
  headers: [['Authorization', `Bearer ${token}`]],
});

/** A value as it appears in the name of an attempt. */
export const show = (value: unknown): string => (JSON.stringify(value) ?? 'missing').slice(0, 60);

/** Values of the wrong type for a claim or header member, or of the right type but invalid. */
export const ODD_VALUES: readonly unknown[] = [
  undefined,
  null,
  true,
  false,
  0,
  1,
  -1,
  1.5,
  1e308,
  '',
  ' ',
  'null',
  '0',
  '\0',
  [],
  {},
  [null],
  ['RS256'],
  { toString: 1 },
];
/**
 * What an attacker has: a valid token to start from, its own key, and (in these tests) Google's signature for any
 * content.
 */
export const createForge = (google: Signer) => {
  const stranger = createSigner('stranger');
  const strangerEc = createSigner('stranger-ec', 'ES256');
  const header = (changes: object = {}) => ({ alg: 'RS256', kid: google.kid, typ: 'JWT', ...changes });
  const good = google.token(goodClaims());
  const [first = '', second = '', third = ''] = good.split('.');
  const forgedClaims = goodClaims({ sub: '1', email: 'ceo@example.com' });
  return {
    google,
    stranger,
    strangerEc,
    header,
    good,
    parts: { first, second, third },
    forgedClaims,
    stripped: `${first}.${second}.SIGNATURE_REMOVED_BY_GOOGLE`,
    forgedStripped: `${first}.${base64url(forgedClaims)}.SIGNATURE_REMOVED_BY_GOOGLE`,
    /** Signed by Google itself, with any content. */
    signed: (name: string, claims: object | string | Buffer, head: object | string = header()): Attempt =>
      bearer(name, google.token(claims, head)),
  };
};

export type Forge = ReturnType<typeof createForge>;
