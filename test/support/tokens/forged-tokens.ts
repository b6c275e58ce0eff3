import { forgeClaims } from './forged/claims.ts';
import { type Attempt, bearer, createForge, show } from './forged/forge.ts';
import { forgeHeaders } from './forged/headers.ts';
import { forgeSignatures } from './forged/signatures.ts';
import { forgeTexts } from './forged/texts.ts';
import { goodClaims, NOON_SECONDS, type Signer } from './token-signer.ts';

/** Makes thousands of forged tokens from one key of Google, and similar valid tokens, all for noon. */
export const createForger = (google: Signer) => {
  const forge = createForge(google);
  const { good, stripped, stranger, header, signed } = forge;
  const claims = forgeClaims(forge);
  const texts = forgeTexts(forge);

  /** Tokens that are similar to the forged ones and valid. */
  const neighbours = (): Attempt[] => [
    bearer('as it is', good),
    ...['authorization', 'AUTHORIZATION', 'aUtHoRiZaTiOn'].flatMap((name) =>
      ['Bearer ', 'bearer ', 'BEARER ', 'Bearer   '].map(
        (scheme): Attempt => ({ name: `${name}: ${scheme}`, headers: [[name, `${scheme}${good}`]] }),
      ),
    ),
    {
      name: 'beside what the platform checked',
      headers: [
        ['Authorization', `Bearer ${good}`],
        ['X-Serverless-Authorization', `Bearer ${stripped}`],
      ],
    },
    signed('typ missing', goodClaims(), header({ typ: undefined })),
    signed('a header member unknown here', goodClaims(), header({ keys: [stranger.publicJwk] })),
    signed('with spaces in its JSON', JSON.stringify(goodClaims(), undefined, 2)),
    signed(
      'members of its members named alike',
      goodClaims({ google: { sub: 1, email: 'x', list: [{ sub: ':{"' }] }, note: '"sub":"2"' }),
    ),
    ...[
      { iss: 'accounts.google.com' },
      { iat: NOON_SECONDS + 60 },
      { iat: NOON_SECONDS - 3600, exp: NOON_SECONDS - 59 },
      { exp: NOON_SECONDS + 86_400 },
      { nbf: NOON_SECONDS + 60 },
      { nbf: 0 },
      { email: undefined },
      { email_verified: false },
      { sub: 's'.repeat(255) },
    ].map((changes) => signed(`claims ${show(changes)}`, goodClaims(changes))),
    texts.ofSize(8192),
    ...claims.goodTimes(),
  ];

  return {
    neighbours,
    families: { ...forgeSignatures(forge), ...claims.families, ...texts.families, ...forgeHeaders(forge) },
  };
};
