// What knowing a caller costs: a token seen before, a new one, and forged ones. `node bench/identity.ts`
import { createIdTokenVerifier } from '../src/identity/id-token.ts';
import { createLog } from '../src/log.ts';
import { AUDIENCE, base64url, createSigner, goodClaims, NOON_SECONDS } from '../test/support/token-signer.ts';

const ROUNDS = 7;
const TOKENS = 500;

const google = createSigner('google-1');
const stranger = createSigner('google-1');
const verify = createIdTokenVerifier({
  audiences: [AUDIENCE],
  fetch: async () => Response.json({ keys: [google.publicJwk] }),
  now: () => NOON_SECONDS * 1000,
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
  'forged: signed by a stranger': () => many(() => stranger.token(claims())),
  'forged: unknown kid': () => many(() => stranger.token(claims(), { alg: 'RS256', kid: String(serial) })),
  'forged: alg none': () => many(() => google.token(claims(), { alg: 'none', kid: 'google-1' })),
  'forged: header of brackets': () =>
    many(() => `${base64url(`{"alg":"RS256","kid":"google-1","x":${'['.repeat(2500)}${']'.repeat(2500)}}`)}.e30.AAAA`),
  'forged: payload of brackets': () => many(() => stranger.token(`{"x":${'['.repeat(2800)}${']'.repeat(2800)}}`)),
  'forged: 8 KiB, signed by a stranger': () => many(() => stranger.token({ ...claims(), x: 'x'.repeat(5500) })),
};

/** Microseconds a token, one after the other. */
const measure = async (tokens: string[]): Promise<number> => {
  const start = process.hrtime.bigint();
  for (const token of tokens) await verify(token).catch(() => undefined);
  return Number(process.hrtime.bigint() - start) / 1000 / tokens.length;
};

const times: Record<string, number[]> = {};
for (let round = 0; round <= ROUNDS; round += 1) {
  for (const [kind, tokens] of Object.entries(KINDS)) {
    const microseconds = await measure(tokens());
    if (round > 0) times[kind] = [...(times[kind] ?? []), microseconds]; // the first round warms up
  }
}

console.table(
  Object.entries(times).map(([token, all]) => {
    const sorted = all.toSorted((a, b) => a - b);
    const at = (share: number): number => Number((sorted[Math.floor(share * (sorted.length - 1))] ?? 0).toFixed(1));
    return { token, 'median µs': at(0.5), 'fastest µs': at(0), 'slowest µs': at(1) };
  }),
);
