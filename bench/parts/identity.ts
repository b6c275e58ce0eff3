import { createIdTokenVerifier } from '../../src/identity/id-token.ts';
import { createLog } from '../../src/log.ts';
import { AUDIENCE, base64url, createSigner, goodClaims, NOON_SECONDS } from '../../test/support/tokens/token-signer.ts';
import { median, quantile, type Report } from '../figures.ts';

const TOKENS = 500;

const google = createSigner('google-1');
const stranger = createSigner('google-1');
const verify = createIdTokenVerifier({
  audiences: [AUDIENCE],
  fetch: async () => Response.json({ keys: [google.publicJwk] }),
  now: () => NOON_SECONDS * 1000,
  wall: () => NOON_SECONDS * 1000,
  log: createLog('silent'),
});

let serial = 0;
const claims = () => goodClaims({ jti: String(serial++) });
const many = (make: () => string): string[] => Array.from({ length: TOKENS }, make);
const seen = google.token(claims());

const KINDS: Record<string, () => string[]> = {
  'seen before': () => many(() => seen),
  new: () => many(() => google.token(claims())),
  'new, 8 KiB': () => many(() => google.token({ ...claims(), x: 'x'.repeat(5500) })),
  'forged: signed with a wrong key': () => many(() => stranger.token(claims())),
  'forged: unknown kid': () => many(() => stranger.token(claims(), { alg: 'RS256', kid: String(serial) })),
  'forged: alg none': () => many(() => google.token(claims(), { alg: 'none', kid: 'google-1' })),
  'forged: header of brackets': () =>
    many(() => `${base64url(`{"alg":"RS256","kid":"google-1","x":${'['.repeat(2500)}${']'.repeat(2500)}}`)}.e30.AAAA`),
  'forged: payload of brackets': () => many(() => stranger.token(`{"x":${'['.repeat(2800)}${']'.repeat(2800)}}`)),
  'forged: 8 KiB, signed with a wrong key': () => many(() => stranger.token({ ...claims(), x: 'x'.repeat(5500) })),
};

/** Forged tokens are compared with valid ones of their size, since both need hashing and base64 decoding. */
const SHORT = ['forged: signed with a wrong key', 'forged: unknown kid', 'forged: alg none'];
const LONG = ['forged: header of brackets', 'forged: payload of brackets', 'forged: 8 KiB, signed with a wrong key'];

/** Microseconds for each token, one after the other. */
const measure = async (tokens: string[]): Promise<number> => {
  const start = process.hrtime.bigint();
  for (const token of tokens) await verify(token).catch(() => undefined);
  return Number(process.hrtime.bigint() - start) / 1000 / tokens.length;
};

/** The cost of authenticating a caller: with a cached token, a new one, and forged ones. */
export const benchIdentity = async (rounds: number): Promise<Report> => {
  const times = new Map<string, number[]>(Object.keys(KINDS).map((kind) => [kind, []]));
  for (let round = 0; round <= rounds; round++) {
    for (const [kind, tokens] of Object.entries(KINDS)) {
      const microseconds = await measure(tokens());
      if (round > 0) times.get(kind)?.push(microseconds);
    }
  }
  const of = (kind: string): number => median(times.get(kind) ?? []);
  const slowest = (kinds: readonly string[]): number => Math.max(...kinds.map(of));
  return {
    title: 'Authenticating a caller',
    how: `Microseconds per token, one token at a time, in ${rounds} alternating rounds of ${TOKENS}.`,
    columns: ['token', 'median µs', 'low', 'high'],
    rows: [...times].map(([kind, values]) => [kind, median(values), quantile(values, 0), quantile(values, 1)]),
    bounds: [
      { what: 'a token that was seen before', value: of('seen before'), limit: 20, unit: ' µs', quick: 40 },
      { what: 'a new token', value: of('new'), limit: 300, unit: ' µs', quick: 900 },
      { what: 'the slowest forged token over a new token', value: slowest(SHORT) / of('new'), limit: 1.1, quick: 3 },
      {
        what: 'the slowest forged token of up to 8 KiB over a new token of 8 KiB',
        value: slowest(LONG) / of('new, 8 KiB'),
        limit: 1.1,
        quick: 3,
      },
    ],
  };
};
