import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import type { CourierProcess } from '../../../../local/courier-process.ts';
import { type CourierWorld, startCourierWorld } from '../../../support/courier/courier-world.ts';
import { createForeignFolder } from '../../../support/drive/foreign-folder.ts';

/**
 * Repeats what conflicts.test.ts shows for a member of the shared drive, in a folder that is only shared with the
 * account.
 */

const TIMEOUT_MS = 120_000;
const TIMES = [1, 2, 3, 4, 5, 6, 7, 8];

let world: CourierWorld;
let courier: CourierProcess;
let folder: string;
beforeAll(async () => {
  world = await startCourierWorld((google) => {
    folder = createForeignFolder(google);
    return { default: { folder } };
  });
  courier = await world.start();
}, TIMEOUT_MS);
afterAll(() => world?.close());
beforeEach(() => world.google.drive.setLimits({ listLagMs: 0, leavesDrivesOut: false }));

const drive = () => world.google.drive;
const filesNamed = (name: string) =>
  drive()
    .files()
    .filter((file) => file.name === name && !file.trashed);

const atOnce = (query: Record<string, string>, key?: string) =>
  Promise.all(
    TIMES.map((turn) =>
      world.insist(() => courier, key === undefined ? `version ${turn}` : 'same', {
        query,
        ...(key === undefined ? {} : { key }),
      }),
    ),
  );

const outcomes = (answers: Awaited<ReturnType<typeof atOnce>>) =>
  answers.map(({ receipt, code }) => code ?? receipt.outcome).sort();

describe.each([0, 3_600_000])(
  'eight concurrent deliveries of one new name, with a search that lags %i ms',
  (listLagMs) => {
    beforeEach(() => drive().setLimits({ listLagMs }));

    test.each([
      ['new', { created: 8 }, 8],
      ['replace', { created: 1, replaced: 7 }, 1],
      ['skip', { created: 1, skipped: 7 }, 1],
      ['fail', { created: 1, 'name-taken': 7 }, 1],
    ])(
      '%s',
      async (onConflict, expected, files) => {
        const name = `${onConflict}-${listLagMs}.txt`;
        const answers = await atOnce({ name, onConflict, path: 'sales/2026' });
        const wanted = Object.entries(expected).flatMap(([outcome, count]) =>
          Array.from({ length: count }, () => outcome),
        );
        expect(outcomes(answers)).toEqual(wanted.sort());
        expect(filesNamed(name)).toHaveLength(files);
        expect(filesNamed('2026')).toHaveLength(1);
        expect(filesNamed('sales')).toMatchObject([{ parents: [folder] }]);
      },
      TIMEOUT_MS,
    );

    test(
      'one key creates one file',
      async () => {
        const name = `key-${listLagMs}.txt`;
        const answers = await atOnce({ name }, name);
        expect(outcomes(answers).filter((outcome) => outcome === 'created')).toHaveLength(1);
        expect(filesNamed(name)).toHaveLength(1);
      },
      TIMEOUT_MS,
    );
  },
);

test('existing files are found, in the folder and below a path', async () => {
  const inner = drive().createFolder({ name: 'by hand', parent: folder });
  const id = drive().putFile({ name: 'found.csv', bytes: 'old', parent: inner });
  const query = { name: 'found.csv', path: 'by hand', onConflict: 'replace' };
  expect(await world.send(courier, 'new', { query })).toMatchObject({
    status: 200,
    receipt: { id, outcome: 'replaced' },
  });
  expect(filesNamed('by hand')).toHaveLength(1);
});

test('rows are appended to the spreadsheet of the name', async () => {
  const query = { name: 'rows', path: 'sales', convertTo: 'sheet', onConflict: 'append' };
  const first = await world.send(courier, 'day,total\n1,2\n', { query, type: 'text/csv' });
  const second = await world.send(courier, 'day,total\n2,3\n', { query, type: 'text/csv' });
  expect(second).toMatchObject({ status: 200, receipt: { id: first.receipt.id, sheet: { rows: 1 } } });
  expect(filesNamed('rows')).toHaveLength(1);
});

test.each([
  ['trashed', (id: string) => drive().setTrashed(id, true)],
  ['deleted permanently', (id: string) => drive().removeFile(id)],
])('a name whose file was %s gets a new file', async (what, harm) => {
  const query = { name: `gone ${what}.txt`, onConflict: 'replace' };
  const first = await world.send(courier, 'x', { query });
  harm(first.receipt.id);
  expect(await world.send(courier, 'y', { query })).toMatchObject({ status: 201, receipt: { outcome: 'created' } });
  expect(filesNamed(query.name)).toHaveLength(1);
});

test('an incomplete search creates no duplicate: the delivery must be retried', async () => {
  const id = drive().putFile({ name: 'hidden.csv', bytes: 'old', parent: folder });
  drive().setLimits({ leavesDrivesOut: true });
  const query = { name: 'hidden.csv', onConflict: 'replace' };
  const refused = await world.send(courier, 'new', { query });
  expect(refused).toMatchObject({
    status: 503,
    code: 'drive-unavailable',
    detail: expect.stringContaining('incompleteSearch'),
  });
  drive().setLimits({ leavesDrivesOut: false });
  expect(await world.send(courier, 'new', { query })).toMatchObject({ status: 200, receipt: { id } });
  expect(filesNamed('hidden.csv')).toHaveLength(1);
});

test('an upload session with a path and a conflict rule creates its file in the folder', async () => {
  const token = world.google.world.idToken({
    email: world.google.world.emails.exporter,
    audience: 'https://drive-courier.example',
  });
  const post = async (path: string, body: object) => {
    const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
    const response = await fetch(`${courier.url}${path}`, { method: 'POST', headers, body: JSON.stringify(body) });
    return { status: response.status, json: (await response.json()) as Record<string, string> };
  };
  const order = { name: 'session.csv', mimeType: 'text/csv', size: 4, path: 'sales', onConflict: 'replace' };
  for (const [bytes, outcome] of [
    ['a\n1\n', 'created'],
    ['a\n2\n', 'replaced'],
  ] as const) {
    const opened = await post('/v1/uploads', order);
    expect(opened.status).toBe(201);
    expect((await fetch(opened.json.uploadUrl ?? '', { method: 'PUT', body: bytes })).ok).toBe(true);
    expect((await post(`/v1/uploads/${opened.json.id}/complete`, {})).json).toMatchObject({ outcome });
  }
  expect(filesNamed('session.csv')).toMatchObject([{ revisions: 2 }]);
});
