import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { type LocalGoogle, startLocalGoogle } from '../../../local/google/server.ts';
import { EMAILS } from '../../../local/google/world/names.ts';
import { bytesSource } from '../../../src/exports/sources/inline.ts';
import { keyMark } from '../../../src/delivery/idempotency.ts';
import { createMemoryLedger } from '../../../src/ledger/memory.ts';
import { uploadKey } from '../../../src/upload-sessions/session.ts';
import { type CourierStory, createCourierStory } from '../../support/courier/courier-story.ts';

/**
 * The machine's clock was 40 days ahead, and has been corrected. The clock for ages and deadlines keeps its lead for a long
 * time, but dates that people and Google read are right at once.
 */

const DAY_MS = 86_400_000;
const LEAD_MS = 40 * DAY_MS;
const TIMEOUT_MS = 60_000;
const now = (): number => Date.now() + LEAD_MS;
const ledger = createMemoryLedger({ now });
const caller = { sub: '100000000000000000001', email: EMAILS.exporter };

let google: LocalGoogle;
let courier: CourierStory;
/** Another instance, whose clock was never wrong. */
let other: CourierStory;
beforeAll(async () => {
  google = await startLocalGoogle();
  const { sharedDriveFolder: folder } = google.places;
  const place = { folder, credentials: 'main', callers: [EMAILS.exporter] };
  const destinations = {
    dated: { ...place, path: '{date:yyyy/MM}', name: 'on-{date}' },
    rows: { ...place, convertTo: 'sheet', onConflict: 'append' },
    shared: { ...place, share: [{ type: 'user', email: EMAILS.bob, role: 'reader', expires: 'P30D' }] },
    kept: { ...place, keep: { path: '**', days: 30 } },
  };
  courier = createCourierStory(google, { ledger, destinations, now, wall: Date.now });
  other = createCourierStory(google, { ledger, destinations });
}, TIMEOUT_MS);
afterAll(async () => {
  courier?.close();
  other?.close();
  await google?.close();
});

const times = () => ({ signal: AbortSignal.timeout(TIMEOUT_MS), deadlineMs: now() + TIMEOUT_MS });
const deliver = (options: object, body = 'x', key?: string, by = courier) =>
  by.deliver({
    ...{ caller, options, requestId: 'r', ...times() },
    ...(key === undefined ? {} : { idempotencyKey: key }),
    source: bytesSource(Buffer.from(body), 'text/csv'),
  });
const today = (): string => new Date().toISOString().slice(0, 10);
const stored = (id: string) => google.drive.state.store.files.get(id);

test('a date in a name is that of today, and a key has it as the time of its first try', async () => {
  const [before, startedMs] = [today(), Date.now()];
  const { name } = await deliver({ destination: 'dated' }, 'x', 'dated');
  expect([`on-${before}`, `on-${today()}`]).toContain(name);
  const key = `delivery:${JSON.stringify([caller.sub, 'dated'])}`;
  const { claimedAtMs } = (await ledger.read(key)) ?? {};
  expect(claimedAtMs).toBeGreaterThanOrEqual(startedMs);
  expect(claimedAtMs).toBeLessThanOrEqual(Date.now());
});

test('an upload session has the date of today in its name, and ends a week from now', async () => {
  const before = today();
  const options = { destination: 'dated', size: 1, mimeType: 'text/plain' };
  const { id, expiresTime } = await courier.openUpload({ caller, options, ...times() });
  const { record } = (await ledger.read(uploadKey(id))) ?? {};
  expect([`on-${before}`, `on-${today()}`]).toContain((record as { options: { name: string } }).options.name);
  expect((Date.parse(expiresTime) - Date.now()) / DAY_MS).toBeCloseTo(7, 2);
});

test('rows of a month go to the tab of this month', async () => {
  const before = today().slice(0, 7);
  const options = { destination: 'rows', name: 'monthly', rollover: 'monthly' } as const;
  const { id } = await deliver(options, 'a,b\n1,2\n');
  const tabs = google.sheets.tabsOf(id).map(({ title }) => title);
  expect(tabs.some((title) => [before, today().slice(0, 7)].includes(title))).toBe(true);
});

test('the marks of rows that another instance has written stay as long as a retry may come', async () => {
  const options = { destination: 'rows', name: 'marked' };
  const { id } = await deliver(options, 'a\n1\n', 'of another', other);
  await deliver(options, 'a\n2\n', 'own');
  const mark = keyMark(`delivery:${JSON.stringify([caller.sub, 'of another'])}`);
  expect(google.sheets.metadataOf(id).filter(({ value }) => value?.startsWith(mark))).toHaveLength(1);
});

test('a permission ends the given days from now', async () => {
  const { id } = await deliver({ destination: 'shared', name: 'shared' });
  const { expirationTime = '' } = stored(id)?.permissions.find(({ expirationTime: time }) => time !== undefined) ?? {};
  expect((Date.parse(expirationTime) - Date.now()) / DAY_MS).toBeCloseTo(30, 2);
});

test('the retention counts from now', async () => {
  const { id } = await deliver({ destination: 'kept', name: 'kept' });
  const { courierAt = '' } = Object.values(stored(id)?.appProperties ?? {})[0] ?? {};
  expect((Date.parse(courierAt) - Date.now()) / DAY_MS).toBeCloseTo(0, 2);
});
