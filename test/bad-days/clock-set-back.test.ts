import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import type { CourierProcess } from '../../local/courier-process.ts';
import type { Receipt } from '../../src/domain.ts';
import { createPerson } from '../support/person.ts';
import { AUDIENCE, type BadDay, startBadDay, summaryOf, waitUntil } from './bad-day.ts';

const TIMEOUT_MS = 120_000;
const PRELOAD = ['--import', fileURLToPath(new URL('shifted-clock.mjs', import.meta.url))];
const JUMP_MS = -600_000;
const DAY_MS = 86_400_000;
/** Longer than the courier relies on an answer of Drive: see src/look-age.ts. */
const OLD_MS = 4_000;

let day: BadDay;
let courier: CourierProcess;
beforeEach(async () => {
  day = await startBadDay();
});
afterEach(() => day.close());

/** Starts a courier whose clock will jump by this much. */
const startWithClock = async (jumpMs: number, destination: object): Promise<void> => {
  const { places, world } = day.google;
  const place = { folder: places.sharedDriveFolder, credentials: 'main', callers: [world.emails.exporter] };
  courier = await day.start({
    nodeOptions: PRELOAD,
    env: { CLOCK_JUMP_MS: String(jumpMs) },
    config: { destinations: { reports: { ...place, ...destination } } },
  });
};

/** The clock jumps, or is right again. */
const jump = async (): Promise<void> => {
  const marks = (): number => courier.lines.filter((line) => line.startsWith('clock ')).length;
  const before = marks();
  courier.child.kill('SIGUSR2');
  await waitUntil(() => marks() > before);
};

/** A delivery whose caller sends the rest of the body only after `meanwhile`. */
const sendSlowly = (name: string, meanwhile: () => Promise<void>) => {
  const pieces = async function* (): AsyncGenerator<Uint8Array> {
    yield Buffer.from('the first part, ');
    await meanwhile();
    yield Buffer.from('and the rest');
  };
  return day.send(courier, name, ReadableStream.from(pieces()));
};

/** The delivery has looked for the file of the name. */
const waitForPlan = async (callsBefore: number): Promise<void> => {
  await waitUntil(() => day.google.calls.count({ method: 'GET', host: 'www.googleapis.com' }) > callsBefore);
  await sleep(500);
};

const filesNamed = (name: string) => day.google.drive.files().filter((file) => file.name === name);
const calls = (): number => day.google.calls.count({ method: 'GET', host: 'www.googleapis.com' });

test(
  'a file that a person renames after the clock was set back is not overwritten',
  async () => {
    await startWithClock(JUMP_MS, { onConflict: 'replace' });
    const first = await day.send(courier, 'plan.txt', 'the former plan');
    const before = calls();
    const seen = await sendSlowly('plan.txt', async () => {
      await waitForPlan(before);
      await jump();
      await createPerson(day.google).rename(first.receipt.id, 'kept.txt');
      await sleep(OLD_MS);
    });
    expect(filesNamed('kept.txt')).toMatchObject([{ sha256: first.receipt.sha256, revisions: 1 }]);
    expect(summaryOf(seen)).toMatch(/^503 drive-unavailable/);
  },
  TIMEOUT_MS,
);

test(
  'a file that a person puts into the folder after the clock was set back stays the only one of its name',
  async () => {
    await startWithClock(JUMP_MS, { onConflict: 'replace' });
    const person = createPerson(day.google);
    const byHand = await day.send(courier, 'hand.txt', 'by hand');
    const before = calls();
    const seen = await sendSlowly('new.txt', async () => {
      await waitForPlan(before);
      await jump();
      await person.rename(byHand.receipt.id, 'new.txt');
      await sleep(OLD_MS);
    });
    expect(filesNamed('new.txt')).toMatchObject([{ id: byHand.receipt.id }]);
    expect(summaryOf(seen)).toMatch(/^503 drive-unavailable/);
  },
  TIMEOUT_MS,
);

/** A file that gets the name of the destination. */
const sendUnnamed = async (
  token = day.token(),
): Promise<{ status: number; body: Partial<Receipt> & { code?: string } }> => {
  const response = await fetch(`${courier.url}/v1/files`, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'text/plain' },
    body: 'x',
  });
  return { status: response.status, body: (await response.json()) as Receipt };
};

const dateOf = (ms: number): string => `dated-${new Date(ms).toISOString().slice(0, 10)}`;

/** A token of this caller that ends this much later than now. */
const tokenUntil = (ms: number): string => {
  const exp = Math.floor((Date.now() + ms) / 1_000);
  const { idToken, emails } = day.google.world;
  return idToken({ email: emails.exporter, audience: AUDIENCE, claims: { iat: exp - 3_600, exp } });
};

test(
  'a clock that was days ahead is right again: so are dates in names, and the times of tokens, at once',
  async () => {
    await startWithClock(10 * DAY_MS, { name: 'dated-{date}' });
    expect((await sendUnnamed()).body.name).toBe(dateOf(Date.now()));
    await jump();
    const ahead = tokenUntil(10 * DAY_MS + 600_000);
    expect((await sendUnnamed()).body.code).toBe('token-expired');
    // Its access token has expired by this clock, and Google refuses an assertion from the future.
    expect((await sendUnnamed(ahead)).body.code).toBe('key-invalid');
    await jump();
    expect((await sendUnnamed(ahead)).body.code).toBe('token-invalid');
    expect((await sendUnnamed(tokenUntil(-600_000))).body.code).toBe('token-expired');
    // A failure to get an access token is kept for three seconds.
    await sleep(4_000);
    const { status, body } = await sendUnnamed();
    expect([status, body.name]).toEqual([201, dateOf(Date.now())]);
    expect(summaryOf(await day.send(courier, 'kept.txt', 'x', { key: 'kept' }))).toBe('201');
  },
  TIMEOUT_MS,
);
