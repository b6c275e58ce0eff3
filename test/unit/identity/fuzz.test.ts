import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { CourierError } from '../../../src/errors.ts';
import { createIdTokenVerifier } from '../../../src/identity/id-token.ts';
import { readPayload, readTokenParts } from '../../../src/identity/token-parts.ts';
import { bearerToken } from '../../../src/identity/verifier.ts';
import { createKeptLog } from '../../support/kept-log.ts';
import { AUDIENCE, base64url, createSigner, goodClaims, NOON_SECONDS } from '../../support/tokens/token-signer.ts';

const google = createSigner('google-1');
const stranger = createSigner('google-1');
const verify = createIdTokenVerifier({
  audiences: [AUDIENCE],
  fetch: async () => Response.json({ keys: [google.publicJwk] }),
  now: () => NOON_SECONDS * 1000,
  wall: () => NOON_SECONDS * 1000,
  log: createKeptLog(),
});
const SETTINGS = { seed: 20_261_124, numRuns: 2000 };
const CODES = ['token-missing', 'token-invalid', 'token-expired', 'token-audience'];

const refused = async (token: string): Promise<void> => {
  const outcome: unknown = await verify(token).catch((error) => error);
  expect(outcome).toBeInstanceOf(CourierError);
  expect(CODES).toContain((outcome as CourierError).code);
};

const payloadOf = (token: string): object | undefined => {
  const parts = readTokenParts(token);
  return parts && readPayload(parts);
};

/** JSON objects that favor the members of a token. */
const members = (names: string[], value: fc.Arbitrary<unknown>) =>
  fc.dictionary(fc.oneof({ weight: 4, arbitrary: fc.constantFrom(...names) }, fc.string()), value, { maxKeys: 8 });
const anyHeader = members(
  ['alg', 'kid', 'typ', 'crit', 'jwk', 'jku'],
  fc.oneof(fc.constantFrom<unknown>('RS256', 'HS256', 'none', 'google-1', 'JWT'), fc.jsonValue()),
);
const anyClaims = members(
  ['iss', 'aud', 'sub', 'iat', 'exp', 'nbf', 'email', 'email_verified'],
  fc.oneof(fc.constantFrom<unknown>(...Object.values(goodClaims())), fc.jsonValue()),
);

test('any text sent as a token is rejected with a code, and never crashes', async () => {
  const texts = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 300 }),
    fc.array(fc.base64String(), { maxLength: 5 }).map((parts) => parts.join('.')),
    fc.tuple(fc.json(), fc.json(), fc.string()).map((parts) => parts.map((part) => base64url(part)).join('.')),
  );
  await fc.assert(fc.asyncProperty(texts, refused), SETTINGS);
});

test('anything signed with another key is rejected', async () => {
  await fc.assert(
    fc.asyncProperty(anyClaims, fc.option(anyHeader), async (claims, header) => {
      const all = { ...goodClaims(), ...claims };
      await refused(stranger.token(all, { alg: 'RS256', kid: 'google-1', ...header }));
    }),
    { ...SETTINGS, numRuns: 300 },
  );
});

test('any claims signed by Google identify a caller only if all required claims are present', async () => {
  await fc.assert(
    fc.asyncProperty(anyClaims, async (changes) => {
      const claims: Record<string, unknown> = { ...goodClaims(), ...changes };
      const caller = await verify(google.token(claims)).catch((error) => {
        expect(CODES).toContain(error.code);
      });
      if (caller === undefined) return;
      expect(claims).toMatchObject({ aud: AUDIENCE, sub: caller.sub });
      expect(['https://accounts.google.com', 'accounts.google.com']).toContain(claims.iss);
      expect(Number(claims.exp)).toBeGreaterThan(NOON_SECONDS - 60);
      expect(Number(claims.iat)).toBeLessThanOrEqual(NOON_SECONDS + 60);
      if (caller.email !== undefined) expect(claims).toMatchObject({ email_verified: true });
    }),
    { ...SETTINGS, numRuns: 500 },
  );
});

test('objects in a token are returned unchanged', () => {
  fc.assert(
    fc.property(fc.dictionary(fc.string(), fc.jsonValue()), fc.constantFrom(undefined, 1, '\t'), (payload, space) => {
      const json = JSON.stringify(payload, undefined, space);
      const token = `${base64url({ alg: 'RS256', kid: 'k' })}.${base64url(json)}.c2ln`;
      expect(payloadOf(token)).toEqual(JSON.parse(json));
    }),
    SETTINGS,
  );
});

test('a duplicate member anywhere in the object is detected', () => {
  fc.assert(
    fc.property(
      fc.dictionary(fc.string(), fc.jsonValue(), { minKeys: 1 }),
      fc.nat(),
      fc.jsonValue(),
      (payload, at, other) => {
        const entries = Object.entries(payload).map(
          ([name, value]) => `${JSON.stringify(name)}:${JSON.stringify(value)}`,
        );
        const name = Object.keys(payload)[at % entries.length];
        entries.splice(at % (entries.length + 1), 0, `${JSON.stringify(name)}:${JSON.stringify(other)}`);
        const token = `${base64url({ alg: 'RS256', kid: 'k' })}.${base64url(`{${entries.join(',')}}`)}.c2ln`;
        expect(payloadOf(token)).toBeUndefined();
      },
    ),
    SETTINGS,
  );
});

test('any Authorization value yields a token with valid characters, or a code', () => {
  const values = fc.oneof(
    fc.string(),
    fc.string().map((text) => `Bearer ${text}`),
  );
  fc.assert(
    fc.property(values, (value) => {
      const headers = new Headers();
      try {
        headers.set('authorization', value);
      } catch {
        return; // A header cannot contain this.
      }
      try {
        expect(bearerToken(headers)).toMatch(/^[\w.~+/=-]+$/);
      } catch (error) {
        if (!(error instanceof CourierError)) throw error;
        expect(CODES).toContain(error.code);
      }
    }),
    SETTINGS,
  );
});
