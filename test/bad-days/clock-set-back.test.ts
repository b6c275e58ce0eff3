import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import type { CourierProcess } from '../../local/courier-process.ts';
import { createPerson } from '../support/person.ts';
import { type BadDay, startBadDay, summaryOf, waitUntil } from './bad-day.ts';

const TIMEOUT_MS = 120_000;
const PRELOAD = ['--import', fileURLToPath(new URL('shifted-clock.mjs', import.meta.url))];
const JUMP_MS = -600_000;
/** Longer than the courier relies on an answer of Drive: see src/look-age.ts. */
const OLD_MS = 4_000;

let day: BadDay;
let courier: CourierProcess;
beforeEach(async () => {
  day = await startBadDay();
  const { places, world } = day.google;
  const reports = {
    folder: places.sharedDriveFolder,
    credentials: 'main',
    callers: [world.emails.exporter],
    onConflict: 'replace',
  };
  courier = await day.start({
    nodeOptions: PRELOAD,
    env: { CLOCK_JUMP_MS: String(JUMP_MS) },
    config: { destinations: { reports } },
  });
});
afterEach(() => day.close());

const setClockBack = async (): Promise<void> => {
  courier.child.kill('SIGUSR2');
  await waitUntil(() => courier.lines.some((line) => line.startsWith('clock ')));
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
    const first = await day.send(courier, 'plan.txt', 'the former plan');
    const before = calls();
    const seen = await sendSlowly('plan.txt', async () => {
      await waitForPlan(before);
      await setClockBack();
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
    const person = createPerson(day.google);
    const byHand = await day.send(courier, 'hand.txt', 'by hand');
    const before = calls();
    const seen = await sendSlowly('new.txt', async () => {
      await waitForPlan(before);
      await setClockBack();
      await person.rename(byHand.receipt.id, 'new.txt');
      await sleep(OLD_MS);
    });
    expect(filesNamed('new.txt')).toMatchObject([{ id: byHand.receipt.id }]);
    expect(summaryOf(seen)).toMatch(/^503 drive-unavailable/);
  },
  TIMEOUT_MS,
);
