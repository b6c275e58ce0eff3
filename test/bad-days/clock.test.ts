import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { CourierProcess } from '../../local/courier-process.ts';
import { AUDIENCE, type BadDay, MEBIBYTE, noise, startBadDay, summaryOf, waitUntil } from './bad-day.ts';

const TIMEOUT_MS = 240_000;
const PRELOAD = ['--import', fileURLToPath(new URL('shifted-clock.mjs', import.meta.url))];
const JUMP_MS = 600_000;

let day: BadDay;
let courier: CourierProcess;
beforeEach(async () => {
  day = await startBadDay();
});
afterEach(() => day.close());

/** Changes only the courier's clock. Google's and the callers' clocks stay right. */
const startWithClock = async (jumpMs: number, config: Readonly<Record<string, unknown>> = {}): Promise<void> => {
  courier = await day.start({ nodeOptions: PRELOAD, env: { CLOCK_JUMP_MS: String(jumpMs) }, config });
};

/** The clock jumps forward or back. */
const jump = async (): Promise<void> => {
  const marks = (): number => courier.lines.filter((line) => line.startsWith('clock ')).length;
  const before = marks();
  courier.child.kill('SIGUSR2');
  await waitUntil(() => marks() > before);
};

const tokenFor = (lifetimeSeconds: number): string =>
  day.google.world.idToken({ email: day.google.world.emails.exporter, audience: AUDIENCE, lifetimeSeconds });

describe('the clock jumps ten minutes ahead', () => {
  test(
    'cached credentials and keys remain in use, and tokens that end within ten minutes expire',
    async () => {
      await startWithClock(JUMP_MS);
      const [long, short] = [tokenFor(3_600), tokenFor(500)];
      const first = await day.send(courier, 'ahead-1', 'x', { key: 'one', token: long });
      expect([summaryOf(first), summaryOf(await day.send(courier, 'ahead-2', 'x', { token: short }))]).toEqual([
        '201',
        '201',
      ]);
      await jump();
      const replayed = await day.send(courier, 'ahead-1', 'x', { key: 'one', token: long });
      expect([summaryOf(replayed), replayed.receipt.outcome, replayed.receipt.id]).toEqual([
        '200',
        'replayed',
        first.receipt.id,
      ]);
      expect(summaryOf(await day.send(courier, 'ahead-3', 'x', { token: long }))).toBe('201');
      expect(summaryOf(await day.send(courier, 'ahead-4', 'x', { token: short }))).toBe('401 token-expired');
      // A caller whose clock is right can continue: its tokens merely look ten minutes older.
      expect(summaryOf(await day.send(courier, 'ahead-5', 'x'))).toBe('201');
      expect(day.filesOf('ahead-')).toEqual(['ahead-1', 'ahead-2', 'ahead-3', 'ahead-5']);
    },
    TIMEOUT_MS,
  );

  test(
    'Google rejects a new access token, and callers learn that the clock is wrong; once it is right again, all works',
    async () => {
      await startWithClock(JUMP_MS);
      expect(summaryOf(await day.send(courier, 'signed-1', 'x'))).toBe('201');
      await jump();
      day.google.world.expireAccessTokens();
      const refused = await day.send(courier, 'signed-2', 'x', { key: 'two' });
      expect([summaryOf(refused), refused.detail]).toEqual([
        '502 key-invalid',
        "Google rejected the time in the signed request: this machine's clock is off by more than five minutes.",
      ]);
      await jump();
      await sleep(4_000);
      // A failure is cached for three seconds, and not for the ten minutes by which the clock went back.
      expect(summaryOf(await day.send(courier, 'signed-2', 'x', { key: 'two' }))).toBe('201');
      expect(day.filesOf('signed-')).toEqual(['signed-1', 'signed-2']);
    },
    TIMEOUT_MS,
  );

  test(
    'and back: an access token that seems to live too long is replaced when Drive rejects it',
    async () => {
      // The platform's own tokens are not signed by the courier, so they are issued whatever its clock shows.
      const { emails } = day.google.world;
      await startWithClock(JUMP_MS, { credentials: { main: { impersonate: emails.driveWriter } } });
      day.google.world.grant(emails.driveWriter, emails.runtime);
      await jump();
      expect(summaryOf(await day.send(courier, 'held-1', 'x'))).toBe('201');
      await jump();
      day.google.world.expireAccessTokens();
      expect(summaryOf(await day.send(courier, 'held-2', 'x'))).toBe('201');
    },
    TIMEOUT_MS,
  );
});

describe('the clock jumps ten minutes back', () => {
  test(
    'new ID tokens are from the future and rejected until it is right; cached ones remain in use, and nothing is forgotten',
    async () => {
      await startWithClock(-JUMP_MS);
      const first = await day.send(courier, 'back-1', 'x', { key: 'one' });
      expect(summaryOf(first)).toBe('201');
      await jump();
      const refused = await day.send(courier, 'back-2', 'x');
      expect([summaryOf(refused), refused.detail]).toEqual(['401 token-invalid', 'The token is not valid yet.']);
      await jump();
      expect(summaryOf(await day.send(courier, 'back-2', 'x'))).toBe('201');
      const again = await day.send(courier, 'back-1', 'x', { key: 'one' });
      expect([summaryOf(again), again.receipt.id]).toEqual(['200', first.receipt.id]);
      expect(day.filesOf('back-')).toEqual(['back-1', 'back-2']);
    },
    TIMEOUT_MS,
  );
});

describe.each([
  ['ahead', JUMP_MS, '503 drive-unavailable Retry-After 5', []],
  ['back', -JUMP_MS, '201', ['mid-file']],
] as const)(
  'the clock jumps ten minutes %s during an upload that has a deadline of five',
  (_, jumpMs, answer, files) => {
    test(
      'the file is complete or absent, and the next attempt completes it',
      async () => {
        await startWithClock(jumpMs, { limits: { requestSeconds: 300, bufferBytes: 4 * MEBIBYTE } });
        const bytes = noise(8 * MEBIBYTE);
        expect(summaryOf(await day.send(courier, 'warm', 'x'))).toBe('201');
        let goOn = (): void => undefined;
        const gate = new Promise<void>((resolve) => {
          goOn = resolve;
        });
        const pieces = async function* (): AsyncGenerator<Uint8Array> {
          yield bytes.subarray(0, 6 * MEBIBYTE);
          await gate;
          yield bytes.subarray(6 * MEBIBYTE);
        };
        const sending = day.send(courier, 'mid-file', ReadableStream.from(pieces()), { key: 'mid' });
        await waitUntil(() => day.google.calls.count({ method: 'PUT', host: 'www.googleapis.com' }) > 0);
        await jump();
        goOn();
        const seen = await sending;
        expect([summaryOf(seen), day.filesOf('mid-file')]).toEqual([answer, files]);
        await jump();
        const last = (await day.insist(() => courier, 'mid-file', bytes, { key: 'mid' })).at(-1);
        expect([last?.receipt.size, day.filesOf('mid-file')]).toEqual([bytes.length, ['mid-file']]);
      },
      TIMEOUT_MS,
    );
  },
);
