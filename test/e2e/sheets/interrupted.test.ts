import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { Delivery, DeliveryOptions, Receipt } from '../../../src/domain.ts';
import { apiOf } from '../../local/drive/drive-api.ts';
import { type CourierStory, createCourierStory } from '../../support/courier/courier-story.ts';
import { type RowsWorld, startRowsWorld } from './rows-in-world.ts';

/** A delivery that takes several changes, and what happens between two of them. */

let world: RowsWorld;
let story: CourierStory;
beforeAll(async () => {
  world = await startRowsWorld();
  story = world.instance();
});
afterAll(() => world?.close());

const ROWS = 20;
const names = Array.from({ length: ROWS }, (_, n) => `row ${n + 1}`);
/** In the JSON of a change each of these characters takes six bytes, so about six rows take a change. */
const FILLING = '\u0001'.repeat(49_000);
const BYTES = Buffer.from(`name,filling\n${names.map((name) => `${name},${FILLING}\n`).join('')}`);

/** The bytes of all rows. Something happens before the last of them are read, when some rows have been written. */
const sourceWith = (happens: () => Promise<void>): Delivery['source'] => ({
  size: BYTES.length,
  mimeType: 'text/csv',
  async *open() {
    for (let at = 0; at < BYTES.length; at += 16_384) {
      if (at + 16_384 >= BYTES.length) await happens();
      yield BYTES.subarray(at, at + 16_384);
    }
  },
});

const breaks = async (): Promise<void> => {
  throw new Error('the connection is broken');
};
const quiet = async (): Promise<void> => undefined;

const deliver = (
  name: string,
  happens: () => Promise<void> = quiet,
  options: Partial<DeliveryOptions> = {},
  courier: { story: CourierStory; now(): number } = { story, now: Date.now },
): Promise<Receipt> =>
  world.append(
    courier.story,
    '',
    { name, ...options },
    { idempotencyKey: `key of ${name}`, source: sourceWith(happens), deadlineMs: courier.now() + 50_000 },
  );

const namesIn = (id: string, tab?: string): unknown[] => world.rowsOf(id, tab).map(([name]) => name);
const WHOLE = ['name', ...names];

const idOf = (name: string): string => world.filesNamed(name)[0]?.id ?? '';

/** Delivers a part of the rows. @returns the id of the sheet */
const interrupted = async (name: string): Promise<string> => {
  await expect(deliver(name, breaks)).rejects.toThrow();
  return idOf(name);
};

const drive = (...args: Parameters<ReturnType<typeof apiOf>>) =>
  apiOf(world.google, world.google.world.emails.courier)(...args);

const addFirst = { addSheet: { properties: { title: 'Other', index: 0 } } };

describe('the rest of a delivery follows its first rows', () => {
  test('if a person moves another tab to the front between two tries', async () => {
    const id = await interrupted('moved tab');
    const part = namesIn(id).length;
    expect([part > 1, part < ROWS]).toEqual([true, true]);
    expect((await world.person.batch(id, addFirst)).status).toBe(200);
    const receipt = await deliver('moved tab');
    expect(receipt.sheet).toMatchObject({ tab: 'Sheet1', range: `Sheet1!A2:B${ROWS + 1}`, rows: ROWS });
    expect([namesIn(id, 'Sheet1'), namesIn(id, 'Other')]).toEqual([WHOLE, []]);
  });

  test.each(
    ['renames', 'moves', 'trashes'].flatMap((act) => ['changes', 'tries'].map((moment) => [act, moment] as const)),
  )('if a person %s the file between two %s', async (act, moment) => {
    const name = `${act} between ${moment}`;
    const { sharedDrive } = world.google.places;
    const folder = await apiOf(world.google, world.google.world.emails.courier).make({
      ...{ name: 'elsewhere', mimeType: 'application/vnd.google-apps.folder', parents: [sharedDrive] },
    });
    let id = '';
    const between = async (): Promise<void> => {
      id = idOf(name);
      const parents = act === 'moves' ? { addParents: folder, removeParents: sharedDrive } : {};
      const body = act === 'renames' ? { name: 'another name' } : act === 'trashes' ? { trashed: true } : {};
      const { status } = await drive('PATCH', `/files/${id}`, { query: { supportsAllDrives: true, ...parents }, body });
      expect(status).toBe(200);
    };
    if (moment === 'tries') {
      await interrupted(name);
      await between();
    }
    const receipt = await deliver(name, moment === 'changes' ? between : quiet);
    expect(receipt).toMatchObject({ id, sheet: { range: `Sheet1!A2:B${ROWS + 1}`, rows: ROWS } });
    expect(receipt.warnings).toEqual(act === 'trashes' ? ['The file is in the trash.'] : undefined);
    expect(namesIn(id)).toEqual(WHOLE);
    expect(world.google.drive.files().filter((file) => file.name === name && file.id !== id)).toEqual([]);
  });

  test.each(['changes', 'tries'])('if a month ends between two %s', async (moment) => {
    const name = `month between ${moment}`;
    const rollover = { rollover: 'monthly' } as const;
    let aheadMs = Date.UTC(2027, 0, 31, 23, 59, 50) - Date.now();
    const now = (): number => Date.now() + aheadMs;
    // Its clock never goes back, so it is another instance.
    const { exporter } = world.google.world.emails;
    const folder = world.google.places.sharedDrive;
    const destinations = { default: { folder, credentials: 'main', callers: [exporter] } };
    const late = createCourierStory(world.google, { ledger: world.ledger, destinations, now });
    const next = async (): Promise<void> => {
      aheadMs += 11_000;
    };
    if (moment === 'tries') {
      await expect(deliver(name, breaks, rollover, { story: late, now })).rejects.toThrow();
      await next();
    }
    const receipt = await deliver(name, moment === 'changes' ? next : quiet, rollover, { story: late, now });
    expect(receipt.sheet).toMatchObject({ tab: '2027-01', range: `'2027-01'!A2:B${ROWS + 1}`, rows: ROWS });
    expect(namesIn(receipt.id, '2027-01')).toEqual(WHOLE);
    expect(new Date(now()).toISOString()).toContain('2027-02-01');
    late.close();
  });
});

describe('all rows of a delivery are delivered again', () => {
  test('if a person deletes the tab with the first ones', async () => {
    const id = await interrupted('deleted tab');
    expect((await world.person.batch(id, addFirst, { deleteSheet: { sheetId: 0 } })).status).toBe(200);
    const receipt = await deliver('deleted tab');
    expect(receipt.sheet).toMatchObject({ tab: 'Other', range: `Other!A2:B${ROWS + 1}`, rows: ROWS });
    expect(receipt.warnings).toBeUndefined();
    expect(namesIn(id, 'Other')).toEqual(WHOLE);
  });

  test('to another sheet, if a person deletes the tab, and renames the file', async () => {
    const name = 'deleted tab, renamed file';
    const id = await interrupted(name);
    expect((await world.person.batch(id, addFirst, { deleteSheet: { sheetId: 0 } })).status).toBe(200);
    await drive('PATCH', `/files/${id}`, { query: { supportsAllDrives: true }, body: { name: 'renamed' } });
    const receipt = await deliver(name);
    expect([receipt.id === id, namesIn(id)]).toEqual([false, []]);
    expect(namesIn(receipt.id)).toEqual(WHOLE);
  });

  test.each(['changes', 'tries'])('to another sheet, if a person deletes the file between two %s', async (moment) => {
    const name = `deleted between ${moment}`;
    const remove = async (): Promise<void> => {
      const { status } = await apiOf(world.google, world.google.world.emails.ops)('DELETE', `/files/${idOf(name)}`, {
        query: { supportsAllDrives: true },
      });
      expect(status).toBe(204);
    };
    if (moment === 'tries') {
      await interrupted(name);
      await remove();
    } else await expect(deliver(name, remove)).rejects.toMatchObject({ code: 'drive-unavailable' });
    const receipt = await deliver(name);
    expect(receipt.sheet).toMatchObject({ range: `Sheet1!A2:B${ROWS + 1}`, rows: ROWS });
    expect(namesIn(receipt.id)).toEqual(WHOLE);
  });
});

test('a receipt warns of rows whose tab was deleted before it was recorded', async () => {
  const name = 'no tab';
  const { id } = await world.append(story, 'a\n0\n', { name });
  const ended = world.instanceWithoutReceipts();
  const send = (instance: CourierStory, deadlineMs = Date.now() + 60_000) =>
    world.append(instance, 'a\n1\n', { name }, { idempotencyKey: name, deadlineMs });
  await expect(send(ended, Date.now() + 3_500)).rejects.toMatchObject({ code: 'google-unavailable' });
  expect((await world.person.batch(id, addFirst, { deleteSheet: { sheetId: 0 } })).status).toBe(200);
  const receipt = await send(story);
  expect(receipt.sheet).toMatchObject({ tab: '', range: '', rows: 1 });
  expect(receipt.warnings).toEqual(['The tab with the rows was deleted.']);
});

test('values that take several changes are not replaced, because readers would see a part of them', async () => {
  const sent = world.append(
    story,
    '',
    { name: 'large replacement', onConflict: 'replace' },
    { source: { ...sourceWith(quiet), size: undefined, open: largeTable } },
  );
  await expect(sent).rejects.toMatchObject({ code: 'too-large' });
});

/** Twice the bytes that fit into one change. */
async function* largeTable(): AsyncGenerator<Uint8Array> {
  for (const part of [BYTES, BYTES.subarray(13), BYTES.subarray(13)]) yield part;
}
