import { createPrivateKey, createPublicKey } from 'node:crypto';
import { once } from 'node:events';
import { Agent, request } from 'node:http';
import { type ClientHttp2Session, connect } from 'node:http2';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { CourierProcess } from '../../../local/courier-process.ts';
import type { LocalGoogle } from '../../../local/google/server.ts';
import { type BadDay, startBadDay, waitUntil } from '../../bad-days/bad-day.ts';
import type { Attempt } from '../../support/tokens/forged/forge.ts';
import { createForger } from '../../support/tokens/forged-tokens.ts';
import {
  AUDIENCE,
  base64url,
  goodClaims,
  NOON_SECONDS,
  type Signer,
  signInput,
} from '../../support/tokens/token-signer.ts';

/**
 * Sends all forged tokens again, to the courier as it is deployed: a process on a socket that fetches Google's keys.
 */

const PRELOAD = ['--import', fileURLToPath(new URL('../../support/processes/standing-clock.mjs', import.meta.url))];
const TIMEOUT_MS = 240_000;

/** Google's own key, in the attacker's hands. */
const signerOf = ({ world }: LocalGoogle): Signer => {
  const [key] = world.state.signingKeys;
  if (key === undefined) throw new Error('this Google has no signing key');
  const privateKey = createPrivateKey(key.privateKeyPem);
  const publicKey = createPublicKey(key.privateKeyPem);
  const { id: kid } = key;
  return {
    ...{ kid, alg: 'RS256', privateKey, publicKey },
    publicJwk: { ...publicKey.export({ format: 'jwk' }), kid, alg: 'RS256', use: 'sig' },
    token(payload, header = { alg: 'RS256', kid, typ: 'JWT' }) {
      const input = `${base64url(header)}.${base64url(payload)}`;
      return `${input}.${base64url(signInput('RS256', privateKey, input))}`;
    },
  };
};

let day: BadDay;
let courier: CourierProcess;
let session: ClientHttp2Session;
const agent = new Agent({ keepAlive: true, maxSockets: 16 });

beforeAll(async () => {
  day = await startBadDay();
  courier = await day.start({
    nodeOptions: PRELOAD,
    // All of the forged tokens are for noon of one day.
    env: { CLOCK_STANDS_MS: String(NOON_SECONDS * 1_000) },
    config: {
      audiences: [AUDIENCE],
      destinations: {
        reports: {
          folder: day.google.places.sharedDriveFolder,
          credentials: 'main',
          callers: [String(goodClaims().email), `sub:${String(goodClaims().sub)}`],
        },
      },
    },
  });
  session = connect(courier.url);
  // The keys were prefetched: from here on, only a token can cause a request to Google.
  await waitUntil(() => day.google.calls.count({ host: 'oauth2.googleapis.com' }) > 0);
  for (let calls = -1; calls !== day.google.calls.count(); await sleep(1_000)) calls = day.google.calls.count();
}, TIMEOUT_MS);
afterAll(async () => {
  session?.destroy();
  agent.destroy();
  await day?.close();
});

interface Answer {
  name: string;
  status: number;
  body: string;
  header: string | undefined;
}

const TARGET = '/v1/destinations';

const overHttp1 = async ({ name, headers }: Attempt): Promise<Answer> => {
  const { port } = new URL(courier.url);
  const outgoing = request({
    ...{ host: '127.0.0.1', port, agent, path: TARGET },
    headers: ['Host', '127.0.0.1', ...headers.flat()],
  });
  outgoing.end();
  const [response] = await once(outgoing, 'response');
  const header = response.headers['www-authenticate'];
  return { name, status: response.statusCode, body: await text(response), header };
};

/** Headers that HTTP/2 cannot express (duplicates, capitals, unusual characters) are tested over HTTP/1 only. */
const overHttp2 = async ({ name, headers: [header] }: Attempt): Promise<Answer> => {
  const [key = '', value = ''] = header ?? [];
  const stream = session.request({ ':path': TARGET, [key.toLowerCase()]: value });
  const [headers] = await once(stream, 'response');
  return { name, status: Number(headers[':status']), body: await text(stream), header: headers['www-authenticate'] };
};
const fitsHttp2 = ({ headers }: Attempt): boolean =>
  headers.length === 1 && headers.every(([, value]) => /^[\x21-\x7e]([\x20-\x7e]*[\x21-\x7e])?$/.test(value));

const sendAll = async (
  attempts: readonly Attempt[],
  send: (attempt: Attempt) => Promise<Answer>,
): Promise<Answer[]> => {
  const answers: Answer[] = [];
  for (let at = 0; at < attempts.length; at += 64) {
    answers.push(...(await Promise.all(attempts.slice(at, at + 64).map(send))));
  }
  return answers;
};

/** What an error response must not contain: any part of the token, and anything that differs between requests. */
const generic = (answer: Answer): string => {
  const { requestId: _, ...rest } = withoutAudiences(answer);
  return JSON.stringify({ status: answer.status, ...rest });
};
/** Only for a token that Google signed, the detail names the token's audience beside the expected ones. */
const withoutAudiences = ({ body }: Answer): Record<string, unknown> => {
  const problem = JSON.parse(body || '{}') as Record<string, unknown>;
  return problem.code === 'token-audience' ? { ...problem, detail: '' } : problem;
};
const TOKEN_CONTENT = /eyJ|ceo@|exporter@|1137742|stranger|evil|run\.app|jose|JW[SKT]|RS256|undefined/;
const contentOf = (answer: Answer): string => `${JSON.stringify(withoutAudiences(answer))}${answer.header}`;
const CODES = ['token-missing', 'token-invalid', 'token-expired', 'token-audience'];

const certsFetches = (): number => day.google.calls.count({ path: '/oauth2/v3/certs' });

describe('a courier process', () => {
  test.each(['HTTP/1.1', 'h2c'])(
    'rejects thousands of forged tokens over %s with the same response, without requests to Google',
    async (protocol) => {
      const { families } = createForger(signerOf(day.google));
      const isHttp2 = protocol === 'h2c';
      const attempts = Object.values(families)
        .flatMap((family) => family())
        .filter((attempt) => !isHttp2 || fitsHttp2(attempt));
      expect(attempts.length).toBeGreaterThan(3_000);
      const callsBefore = day.google.calls.count();
      const fetchesBefore = certsFetches();
      const startedMs = performance.now();
      const answers = await sendAll(attempts, isHttp2 ? overHttp2 : overHttp1);
      const tookMs = performance.now() - startedMs;
      expect(answers.filter(({ status }) => status !== 401)).toEqual([]);
      expect(answers.filter((answer) => TOKEN_CONTENT.test(contentOf(answer)))).toEqual([]);
      expect(answers.filter(({ header }) => !header?.startsWith('Bearer'))).toEqual([]);
      expect(new Set(answers.map(({ body }) => JSON.parse(body).code))).toEqual(new Set(CODES));
      expect(new Set(answers.map(generic)).size).toBeLessThanOrEqual(8);
      // Unknown key ids may trigger at most two key fetches a minute.
      expect(certsFetches() - fetchesBefore).toBeLessThanOrEqual(2 + tookMs / 30_000);
      expect(day.google.calls.count() - callsBefore).toBe(certsFetches() - fetchesBefore);
      expect(courier.lines.filter((line) => line.includes('eyJ'))).toEqual([]);
    },
    TIMEOUT_MS,
  );

  test(
    'accepts every valid token that is sent among them',
    async () => {
      const { neighbours } = createForger(signerOf(day.google));
      const answers = await sendAll(neighbours(), overHttp1);
      expect(answers.filter(({ status }) => status !== 200)).toEqual([]);
      // Identified by email or by subject, each is a caller of the one destination.
      const destinationsOf = ({ body }: Answer): unknown[] => JSON.parse(body).destinations;
      expect(answers.filter((answer) => destinationsOf(answer).length !== 1)).toEqual([]);
    },
    TIMEOUT_MS,
  );

  test(
    'reads no byte of the body that comes with a forged token',
    async () => {
      const { families } = createForger(signerOf(day.google));
      const [forged] = families.algorithms();
      const before = day.google.calls.count();
      const outgoing = request(`${courier.url}/v1/files?name=forged`, {
        method: 'POST',
        headers: { ...Object.fromEntries(forged?.headers ?? []), 'content-length': String(2 ** 30) },
      });
      outgoing.on('error', () => undefined);
      outgoing.flushHeaders();
      const [response] = await once(outgoing, 'response');
      expect([response.statusCode, response.headers.connection]).toEqual([401, 'close']);
      response.resume();
      await once(response, 'end');
      outgoing.destroy();
      expect([day.google.calls.count() - before, day.filesOf('forged')]).toEqual([0, []]);
    },
    TIMEOUT_MS,
  );
});
