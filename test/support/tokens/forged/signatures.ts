import { constants, createHmac, randomBytes, sign } from 'node:crypto';
import { base64url, goodClaims, signInput } from '../token-signer.ts';
import { type Attempt, bearer, type Forge, ODD_VALUES, show } from './forge.ts';

const OTHER_ALGORITHMS =
  'none None NONE nOnE HS256 HS384 HS512 RS384 RS512 PS256 PS384 PS512 ES256 ES384 ES512 ES256K EdDSA Ed25519 RS1 rs256 A128KW RSA-OAEP dir'.split(
    ' ',
  );

/** Tokens with a wrong signature, algorithm or key. */
export const forgeSignatures = ({ google, stranger, strangerEc, header, parts, forgedClaims, signed }: Forge) => {
  /** Every way to create a signature except RS256 with Google's key. */
  const signatures = (input: string): [string, Buffer][] => {
    const { publicKey, publicJwk, privateKey } = google;
    const secrets: [string, Buffer | string][] = [
      ['PEM (SPKI)', publicKey.export({ type: 'spki', format: 'pem' })],
      ['PEM (PKCS#1)', publicKey.export({ type: 'pkcs1', format: 'pem' })],
      ['PEM without its last newline', publicKey.export({ type: 'spki', format: 'pem' }).toString().trimEnd()],
      ['DER', publicKey.export({ type: 'spki', format: 'der' })],
      ['JWK', JSON.stringify(publicJwk)],
      ['modulus', Buffer.from(String(publicJwk.n), 'base64url')],
      ['nothing', ''],
      ['kid', google.kid],
    ];
    const macs = secrets.flatMap(([name, secret]): [string, Buffer][] =>
      ['sha256', 'sha512'].map((hash) => [
        `${hash} HMAC with ${name}`,
        createHmac(hash, secret).update(input).digest(),
      ]),
    );
    return [
      ...macs,
      ['no signature', Buffer.alloc(0)],
      ['zeros', Buffer.alloc(256)],
      ['noise', randomBytes(256)],
      ["another token's signature", Buffer.from(parts.third, 'base64url')],
      ['RSA with SHA-512', sign('sha512', Buffer.from(input), privateKey)],
      ['RSA with SHA-1', sign('sha1', Buffer.from(input), privateKey)],
      ['RSA-PSS', sign('sha256', Buffer.from(input), { key: privateKey, padding: constants.RSA_PKCS1_PSS_PADDING })],
      ["a stranger's RSA", signInput('RS256', stranger.privateKey, input)],
      ["a stranger's EC", signInput('ES256', strangerEc.privateKey, input)],
    ];
  };
  const withEverySignature = (name: string, head: object, claims: object): Attempt[] => {
    const input = `${base64url(head)}.${base64url(claims)}`;
    return signatures(input).map(([way, signature]) => bearer(`${name}, ${way}`, `${input}.${base64url(signature)}`));
  };

  const algorithms = (): Attempt[] => [
    ...OTHER_ALGORITHMS.flatMap((alg) => [
      ...[google.kid, undefined, 'unknown'].flatMap((kid) =>
        withEverySignature(`alg ${alg}, kid ${kid}`, header({ alg, kid }), forgedClaims),
      ),
      signed(`alg ${alg}, signed RS256 by Google`, goodClaims(), header({ alg })),
    ]),
    ...withEverySignature('alg RS256', header(), forgedClaims),
    ...ODD_VALUES.map((alg) => signed(`alg ${show(alg)}`, goodClaims(), header({ alg }))),
  ];

  const ownKeys = (): Attempt[] => {
    const jwk = { ...stranger.publicJwk, kid: google.kid };
    const extras: object[] = [
      {},
      { jwk },
      { jwk: google.publicJwk },
      { jku: 'http://127.0.0.1:9/keys' },
      { x5u: 'http://127.0.0.1:9/cert' },
      { x5c: ['MIIB'] },
      { x5t: 'AAAA' },
      { 'x5t#S256': 'AAAA' },
      { crit: [] },
      { crit: ['exp'], exp: 1 },
      { crit: ['b64'], b64: true },
      { b64: false },
      { zip: 'DEF' },
      { enc: 'A128GCM' },
      { cty: 'JWT' },
      { keys: [jwk] },
    ];
    const kids = [
      google.kid,
      stranger.kid,
      undefined,
      '',
      null,
      0,
      [google.kid],
      { kid: google.kid },
      google.kid.toUpperCase(),
      `${google.kid} `,
      `${google.kid}\0`,
      '../../../dev/null',
      "' OR '1'='1",
      '__proto__',
      'constructor',
      'http://127.0.0.1:9/keys',
      'k'.repeat(300),
    ];
    return kids.flatMap((kid) =>
      extras.flatMap((extra) => {
        const head = header({ kid, ...extra });
        const name = `kid ${show(kid)} with ${show(extra)}`;
        const byStranger = bearer(`${name}, a stranger's`, stranger.token(forgedClaims, head));
        const harmless = kid === google.kid && (Object.keys(extra).length === 0 || 'keys' in extra);
        return harmless ? [byStranger] : [byStranger, signed(`${name}, Google's`, goodClaims(), head)];
      }),
    );
  };

  return { algorithms, ownKeys };
};
