import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { CourierProcess } from '../../local/courier-process.ts';
import { type BadDay, MEBIBYTE, noise, startBadDay, startLoad, summaryOf, waitUntil } from './bad-day.ts';

const TIMEOUT_MS = 240_000;
const TOKEN = { host: 'oauth2.googleapis.com', path: '/token' };
const CERTS = { host: 'www.googleapis.com', path: '/oauth2/v3/certs' };
const SECRET = 'drive-key';
const DOWN = { kind: 'status', status: 503 } as const;
const WAIT = '503 google-unavailable Retry-After 5';

let day: BadDay;
beforeEach(async () => {
  day = await startBadDay();
});
afterEach(() => day.close());

const firedOf = (id: string): number => day.google.faults.list().find((rule) => rule.id === id)?.fired ?? 0;

describe("Google's token endpoint is down", () => {
  // Scaled: 8 s stand for the 60.
  const OUTAGE_MS = 8_000;

  test(
    'a cached token keeps deliveries working; without one, callers get 503 or wait, and one request at a time fetches it',
    async () => {
      const courier = await day.start();
      expect(summaryOf(await day.send(courier, 'before', 'x'))).toBe('201');
      day.google.faults.add({ id: 'down', ...TOKEN, fault: DOWN });
      expect(summaryOf(await day.send(courier, 'in-the-outage', 'x'))).toBe('201');
      expect(firedOf('down')).toBe(0);

      // Now all tokens have expired, as after an hour.
      day.google.world.expireAccessTokens();
      const callers = Array.from({ length: 12 }, (_, index) =>
        day.insist(() => courier, `out-${index}`, 'x', { key: `out-${index}` }),
      );
      await sleep(OUTAGE_MS);
      // The library's time limit is 30 s and the pauses grow, so there is a handful of requests. Twelve independent
      // callers would make many.
      const asked = firedOf('down');
      expect(asked).toBeGreaterThan(1);
      expect(asked).toBeLessThan(16);
      day.google.faults.clear();
      const seen = (await Promise.all(callers)).flat();
      expect(seen.map(summaryOf).filter((words) => words !== '201' && words !== WAIT)).toEqual([]);
      expect(day.filesOf('out-')).toHaveLength(12);
    },
    TIMEOUT_MS,
  );

  test(
    'a retry delay beyond the caller’s deadline is reported at once, and again from the cache',
    async () => {
      day.google.faults.add({ id: 'down', ...TOKEN, fault: { ...DOWN, retryAfterSeconds: 120 } });
      const courier = await day.start();
      const first = await day.send(courier, 'cold', 'x', { key: 'cold' });
      expect([summaryOf(first), day.filesOf('cold')]).toEqual([WAIT, []]);
      expect(first.tookMs).toBeLessThan(10_000);
      const before = firedOf('down');
      const storm = await Promise.all(Array.from({ length: 50 }, (_, at) => day.send(courier, `cold-${at}`, 'x')));
      expect(new Set(storm.map(summaryOf))).toEqual(new Set([WAIT]));
      // A failure is cached for three seconds. The load may last longer on a busy machine.
      expect(firedOf('down') - before).toBeLessThan(10);
      day.google.faults.clear();
      const answers = await day.insist(() => courier, 'cold', 'x', { key: 'cold' });
      expect([answers.at(-1)?.status, day.filesOf('cold')]).toEqual([201, ['cold']]);
    },
    TIMEOUT_MS,
  );
});

describe("Google's signing keys are unavailable at startup", () => {
  test(
    'the courier starts and is healthy, callers get 503 and nothing is delivered; it recovers with the keys',
    async () => {
      day.google.faults.add({ id: 'down', ...CERTS, fault: DOWN });
      const courier = await day.start();
      expect((await fetch(`${courier.url}/v1/health`)).status).toBe(200);
      const seen = await Promise.all(['a', 'b', 'c'].map((name) => day.send(courier, `keys-${name}`, 'x')));
      expect(seen.map(summaryOf)).toEqual(Array(3).fill(WAIT));
      expect(seen[0]?.detail).toBe("Google's keys for verifying ID tokens cannot be fetched.");
      // Meanwhile no caller is accepted, and none gets 401 either: a valid caller would discard its token.
      expect(summaryOf(await day.send(courier, 'keys-forged', 'x', { token: `${day.token().slice(0, -4)}AAAA` }))).toBe(
        WAIT,
      );
      expect(day.filesOf('keys-')).toEqual([]);
      day.google.faults.clear();
      const answers = await day.insist(() => courier, 'keys-a', 'x', { key: 'k' });
      expect([answers.at(-1)?.status, day.filesOf('keys-')]).toEqual([201, ['keys-a']]);
    },
    TIMEOUT_MS,
  );

  test(
    'an outage after startup: the cached keys remain in use',
    async () => {
      const courier = await day.start();
      expect(summaryOf(await day.send(courier, 'keys-1', 'x'))).toBe('201');
      day.google.faults.add({ id: 'down', ...CERTS, fault: DOWN });
      expect(summaryOf(await day.send(courier, 'keys-2', 'x'))).toBe('201');
    },
    TIMEOUT_MS,
  );
});

describe('under load', () => {
  const large = noise(6 * MEBIBYTE);
  let courier: CourierProcess;
  const load = () =>
    startLoad(6, (turn) => day.send(courier, `load-${turn}`, turn % 5 === 0 ? large : `report ${turn}`));

  /** Adds a new key as the next version of the secret. */
  const rotate = async (): Promise<string> => {
    const { world } = day.google;
    const { private_key_id: old } = world.keyFile(world.emails.courier);
    const next = await world.addKey(world.emails.courier);
    world.secrets.addVersion(SECRET, Buffer.from(JSON.stringify(next)));
    return old;
  };

  test(
    'the secret is rotated and checked every second: no delivery fails, and the new key is used',
    async () => {
      courier = await day.start({
        config: { credentials: { main: { secret: `${day.google.world.secret}/versions/latest`, cacheSeconds: 1 } } },
      });
      const running = load();
      await running.more(10);
      const old = await rotate();
      await waitUntil(() => courier.lines.some((line) => line.includes('The key has changed')));
      await running.more(10);
      // The old one is no longer needed.
      day.google.world.deleteKey(day.google.world.emails.courier, old);
      await running.more(20);
      const seen = await running.end();
      expect(new Set(seen.map(summaryOf))).toEqual(new Set(['201']));
      expect(day.filesOf('load-')).toHaveLength(seen.length);
    },
    TIMEOUT_MS,
  );

  test(
    'the old key is deleted and all tokens are revoked, long before the cache expires: no delivery fails',
    async () => {
      courier = await day.start();
      const running = load();
      await running.more(10);
      const old = await rotate();
      day.google.world.deleteKey(day.google.world.emails.courier, old);
      day.google.world.expireAccessTokens();
      await running.more(30);
      const seen = await running.end();
      expect(new Set(seen.map(summaryOf))).toEqual(new Set(['201']));
      expect(day.filesOf('load-')).toHaveLength(seen.length);
    },
    TIMEOUT_MS,
  );

  test(
    'the key is deleted without a new one: every caller gets the error and its remedy; a new version resolves it',
    async () => {
      courier = await day.start();
      expect(summaryOf(await day.send(courier, 'lone-1', 'x'))).toBe('201');
      const { world } = day.google;
      const { private_key_id: old } = world.keyFile(world.emails.courier);
      world.deleteKey(world.emails.courier, old);
      world.expireAccessTokens();
      const refused = await day.send(courier, 'lone-2', 'x', { key: 'lone' });
      expect([summaryOf(refused), day.filesOf('lone-')]).toEqual(['502 key-revoked', ['lone-1']]);
      const next = await world.addKey(world.emails.courier);
      world.secrets.addVersion(SECRET, Buffer.from(JSON.stringify(next)));
      await waitUntil(async () => (await day.send(courier, 'lone-2', 'x', { key: 'lone' })).status === 201);
      expect(day.filesOf('lone-')).toEqual(['lone-1', 'lone-2']);
    },
    TIMEOUT_MS,
  );
});
