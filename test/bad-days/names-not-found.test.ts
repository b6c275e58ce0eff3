import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import type { CourierProcess } from '../../local/courier-process.ts';
import { type BadDay, startBadDay, summaryOf, waitUntil } from './bad-day.ts';

const TIMEOUT_MS = 240_000;
const PRELOAD = ['--import', fileURLToPath(new URL('failing-lookups.mjs', import.meta.url))];

let day: BadDay;
beforeEach(async () => {
  day = await startBadDay();
});
afterEach(() => day.close());

const turn = async ({ child, lines }: CourierProcess, line: string): Promise<void> => {
  const before = lines.filter((each) => each === line).length;
  child.kill('SIGUSR2');
  await waitUntil(() => lines.filter((each) => each === line).length > before);
};

test(
  "Google's real host names cannot be resolved: the courier starts, is healthy, and returns 503",
  async () => {
    // No origin and no metadata server are given, as on a machine without a network.
    const courier = await day.start({
      nodeOptions: PRELOAD,
      env: { LOOKUPS_FAIL: 'true', COURIER_GOOGLE_ORIGIN: '', GCE_METADATA_HOST: '', METADATA_SERVER_DETECTION: '' },
    });
    expect((await fetch(`${courier.url}/v1/health`)).status).toBe(200);
    const seen = await day.send(courier, 'nowhere', 'x', { key: 'k' });
    expect([summaryOf(seen), seen.detail]).toEqual([
      '503 google-unavailable Retry-After 5',
      "Google's keys for verifying ID tokens cannot be fetched.",
    ]);
    expect(seen.tookMs).toBeLessThan(15_000);
    await waitUntil(() => courier.lines.some((line) => line.includes('EAI_AGAIN')));
    expect(await courier.stop()).toBe(0);
  },
  TIMEOUT_MS,
);

test(
  'DNS fails at startup and later under load: 503 meanwhile, and afterwards each file arrives once',
  async () => {
    const origin = day.google.origin.replace('127.0.0.1', 'localhost');
    const courier = await day.start({
      nodeOptions: PRELOAD,
      env: { LOOKUPS_FAIL: 'true', COURIER_GOOGLE_ORIGIN: origin },
    });
    expect(summaryOf(await day.send(courier, 'name-1', 'x', { key: '1' }))).toBe(
      '503 google-unavailable Retry-After 5',
    );
    await turn(courier, 'lookups work');
    expect((await day.insist(() => courier, 'name-1', 'x', { key: '1' })).at(-1)?.status).toBe(201);

    await turn(courier, 'lookups fail');
    // Open connections need no DNS; this closes them as they are used.
    day.google.faults.add({
      host: 'www.googleapis.com',
      path: '*drive/v3/*',
      fault: { kind: 'reset', when: 'before' },
    });
    expect(summaryOf(await day.send(courier, 'name-2', 'x', { key: '2' }))).toBe('503 drive-unavailable Retry-After 5');
    expect(day.filesOf('name-')).toEqual(['name-1']);
    day.google.faults.clear();
    expect(summaryOf(await day.send(courier, 'name-2', 'x', { key: '2' }))).toBe('503 drive-unavailable Retry-After 5');
    await turn(courier, 'lookups work');
    expect((await day.insist(() => courier, 'name-2', 'x', { key: '2' })).at(-1)?.status).toBe(201);
    expect(day.filesOf('name-')).toEqual(['name-1', 'name-2']);
  },
  TIMEOUT_MS,
);
