import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { type BadDay, MEBIBYTE, noise, type Seen, startBadDay, summaryOf } from './bad-day.ts';

const TIMEOUT_MS = 300_000;
const DRIVE = { host: 'www.googleapis.com', path: '*drive/v3/*' };
/**
 * How often the courier retries requests to one host before it stops retrying: half of the hundred tokens of its retry budget.
 * It starts again when the host has responded successfully.
 */
const MAX_RETRIES_PER_HOST = 50;
const WAIT = '503 drive-unavailable Retry-After 5';

let day: BadDay;
beforeEach(async () => {
  day = await startBadDay();
});
afterEach(() => day.close());

const fired = (): number => day.google.faults.list().reduce((sum, rule) => sum + rule.fired, 0);

// Scaled: 300 deliveries, two minutes of a busy instance, are sent as fast as they are answered, twenty at a time.
test(
  'Drive returns 503 for two minutes: callers get the error, the outage is not amplified, and all files arrive once afterwards',
  async () => {
    const courier = await day.start();
    expect(summaryOf(await day.send(courier, 'warm', 'x', { path: 'outage' }))).toBe('201');
    day.google.faults.add({ ...DRIVE, fault: { kind: 'status', status: 503, reason: 'backendError' } });
    const names = Array.from({ length: 300 }, (_, index) => `out-${index}`);
    const seen: Seen[] = [];
    const queue = names.values();
    const caller = async (): Promise<void> => {
      for (const name of queue) seen.push(await day.send(courier, name, name, { key: name, path: 'outage' }));
    };
    await Promise.all(Array.from({ length: 20 }, caller));
    expect(new Set(seen.map(summaryOf))).toEqual(new Set([WAIT]));
    const calls = fired();
    // One call for each delivery, and the retries that the budget allows, however many attempts a single call may have.
    expect(calls).toBeGreaterThan(MAX_RETRIES_PER_HOST);
    expect(calls).toBeLessThanOrEqual(names.length + MAX_RETRIES_PER_HOST + 5);
    // Once the budget is spent, callers get the error at once rather than after retries that cannot succeed.
    expect(Math.max(...seen.slice(-100).map(({ tookMs }) => tookMs))).toBeLessThan(10_000);
    expect(day.filesOf('out-')).toEqual([]);

    day.google.faults.clear();
    const again = names.values();
    const patient = async (): Promise<void> => {
      for (const name of again) {
        const answers = await day.insist(() => courier, name, name, { key: name, path: 'outage' });
        expect(answers.at(-1)?.status).toBe(201);
      }
    };
    await Promise.all(Array.from({ length: 10 }, patient));
    expect(day.filesOf('out-')).toEqual(names.toSorted());
    expect(day.filesOf('outage')).toEqual(['outage']);
  },
  TIMEOUT_MS,
);

test(
  'Drive fails during large uploads: they resume, or return 503 and are completed by the next attempt',
  async () => {
    const courier = await day.start({ config: { limits: { bufferBytes: 8 * MEBIBYTE } } });
    const bytes = noise(9 * MEBIBYTE);
    // Each session's first chunks arrive. Then nothing does for a while.
    const plan = { host: 'www.googleapis.com', method: 'PUT', path: '/upload/*' };
    day.google.faults.add({ ...plan, nth: [5, 6, 7, 8, 9, 10, 11, 12], fault: { kind: 'status', status: 503 } });
    const names = ['big-1', 'big-2', 'big-3', 'big-4'];
    const answers = await Promise.all(names.map((name) => day.insist(() => courier, name, bytes, { key: name })));
    expect(answers.map((all) => all.at(-1)?.status)).toEqual([201, 201, 201, 201]);
    expect(
      answers
        .flat()
        .map(summaryOf)
        .filter((words) => words !== '201' && words !== WAIT),
    ).toEqual([]);
    expect(fired()).toBe(8);
    expect(day.filesOf('big-')).toEqual(names);
    const { sha256 } = answers[0]?.at(-1)?.receipt ?? {};
    expect(new Set(day.google.drive.files().map((file) => file.name.startsWith('big-') && file.sha256))).toEqual(
      new Set([false, sha256]),
    );
  },
  TIMEOUT_MS,
);
