import { createHash, hash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import type { CourierProcess } from '../../../local/courier-process.ts';
import { type CourierWorld, startCourierWorld } from '../../support/courier/courier-world.ts';

const TIMEOUT_MS = 120_000;

let world: CourierWorld;
let courier: CourierProcess;
beforeAll(async () => {
  world = await startCourierWorld(({ places }) => ({
    default: { folder: places.sharedDriveFolder },
    mydrive: { folder: places.myDriveFolder },
  }));
  courier = await world.start();
}, TIMEOUT_MS);
afterAll(() => world?.close());
beforeEach(() => world.google.drive.setLimits({ listLagMs: 0 }));

const drive = () => world.google.drive;
const filesNamed = (name: string) =>
  drive()
    .files()
    .filter((file) => file.name === name);
const FIFTY = Array.from({ length: 50 }, (_, turn) => turn);

const fifty = (query: Record<string, string>) =>
  Promise.all(FIFTY.map((turn) => world.insist(() => courier, `version ${turn}`, { query })));

const count = (values: readonly (string | number | undefined)[]): Record<string, number> => {
  const counts: Record<string, number> = {};
  for (const value of values) counts[String(value)] = (counts[String(value)] ?? 0) + 1;
  return counts;
};

describe('fifty concurrent deliveries of one new name, while searches lag behind', () => {
  beforeEach(() => drive().setLimits({ listLagMs: 3_600_000 }));

  test(
    'new: fifty files',
    async () => {
      const answers = await fifty({ name: 'new.txt', onConflict: 'new' });
      expect(count(answers.map(({ receipt }) => receipt.outcome))).toEqual({ created: 50 });
      expect(filesNamed('new.txt')).toHaveLength(50);
    },
    TIMEOUT_MS,
  );

  test(
    'replace: one file with fifty revisions, created once',
    async () => {
      const answers = await fifty({ name: 'replace.txt', onConflict: 'replace' });
      expect(count(answers.map(({ receipt }) => receipt.outcome))).toEqual({ created: 1, replaced: 49 });
      expect(filesNamed('replace.txt')).toMatchObject([{ id: answers[0]?.receipt.id, revisions: 50 }]);
      expect(FIFTY.map((turn) => hash('sha256', `version ${turn}`))).toContain(filesNamed('replace.txt')[0]?.sha256);
    },
    TIMEOUT_MS,
  );

  test(
    'skip: one file, created once and skipped by the others',
    async () => {
      const answers = await fifty({ name: 'skip.txt', onConflict: 'skip' });
      expect(count(answers.map(({ receipt }) => receipt.outcome))).toEqual({ created: 1, skipped: 49 });
      const [file] = filesNamed('skip.txt');
      expect(file).toMatchObject({ revisions: 1 });
      expect(count(answers.map(({ receipt }) => receipt.id))).toEqual({ [file?.id ?? '']: 50 });
      expect(count(answers.map(({ receipt }) => receipt.sha256 ?? ''))).toEqual({ [file?.sha256 ?? '']: 50 });
    },
    TIMEOUT_MS,
  );

  test(
    'fail: one file, and forty-nine conflicts',
    async () => {
      const answers = await fifty({ name: 'fail.txt', onConflict: 'fail' });
      expect(count(answers.map(({ status, code }) => code ?? status))).toEqual({ 201: 1, 'name-taken': 49 });
      expect(filesNamed('fail.txt')).toMatchObject([{ revisions: 1 }]);
    },
    TIMEOUT_MS,
  );

  test(
    'folders of one path are created once',
    async () => {
      const answers = await Promise.all(
        FIFTY.map((turn) => world.insist(() => courier, 'x', { query: { name: `${turn}.txt`, path: 'y/2026/11' } })),
      );
      expect(filesNamed('11')).toHaveLength(1);
      expect(filesNamed('2026')).toHaveLength(1);
      expect(count(answers.map(({ receipt }) => receipt.folderId))).toEqual({ [filesNamed('11')[0]?.id ?? '']: 50 });
    },
    TIMEOUT_MS,
  );
});

test('replace keeps id, link and sharing, and adds a revision to the oldest of duplicates', async () => {
  const parent = world.google.places.sharedDriveFolder;
  const older = drive().putFile({ name: 'twins.csv', bytes: 'a', parent });
  await new Promise((resolve) => setTimeout(resolve, 20));
  const younger = drive().putFile({ name: 'twins.csv', bytes: 'b', parent });
  const sent = await world.send(courier, 'c', { query: { name: 'twins.csv', onConflict: 'replace' } });
  expect(sent).toMatchObject({ status: 200, receipt: { id: older, outcome: 'replaced', sha256: hash('sha256', 'c') } });
  expect(sent.receipt.webViewLink).toContain(older);
  const revisions = Object.fromEntries(filesNamed('twins.csv').map((file) => [file.id, file.revisions]));
  expect(revisions).toEqual({ [older]: 2, [younger]: 1 });
  const warnings = (): string[] => courier.lines.filter((line) => line.includes('several files of one name'));
  while (warnings().length === 0) await new Promise((resolve) => setTimeout(resolve, 20));
  expect(warnings()).toEqual([expect.stringContaining(younger)]);
});

test("a person's own file is replaced where a service account could not create one", async () => {
  const { myDriveFolder } = world.google.places;
  const query = { destination: 'mydrive', name: 'budget.csv', onConflict: 'replace' };
  expect(await world.send(courier, 'x', { query })).toMatchObject({ status: 502, code: 'no-storage-quota' });
  // A recent claim is not searched for again.
  await new Promise((resolve) => setTimeout(resolve, 2_100));
  const id = drive().putFile({ name: 'budget.csv', bytes: 'by hand', parent: myDriveFolder });
  const sent = await world.send(courier, 'by the courier', { query });
  expect(sent).toMatchObject({ status: 200, receipt: { id, outcome: 'replaced' } });
  expect(drive().bytesOf(id).toString()).toBe('by the courier');
  expect(
    drive()
      .files()
      .find((file) => file.id === id),
  ).toMatchObject({ owner: world.google.world.emails.alice });
});

test('the old bytes remain if the new ones fail', async () => {
  const query = { name: 'stays.txt', onConflict: 'replace' };
  const first = await world.send(courier, 'old', { query });
  const digest = `sha-256=:${createHash('sha256').update('announced').digest('base64')}:`;
  const second = await world.send(courier, 'other', { query, headers: { 'content-digest': digest } });
  expect(second).toMatchObject({ status: 422, code: 'digest-mismatch' });
  expect(filesNamed('stays.txt')).toMatchObject([
    { id: first.receipt.id, sha256: hash('sha256', 'old'), revisions: 1 },
  ]);
});

test.each([
  ['trashed', (id: string) => drive().setTrashed(id, true)],
  ['deleted permanently', (id: string) => drive().removeFile(id)],
])(
  'a name whose file was %s gets a new file, once',
  async (what, harm) => {
    const name = `gone-${what.replaceAll(' ', '-')}.txt`;
    const first = await world.send(courier, 'x', { query: { name, onConflict: 'replace' } });
    harm(first.receipt.id);
    const answers = await fifty({ name, onConflict: 'replace' });
    expect(count(answers.map(({ receipt }) => receipt.outcome))).toEqual({ created: 1, replaced: 49 });
    expect(filesNamed(name).filter(({ trashed }) => !trashed)).toMatchObject([{ revisions: 50 }]);
    expect(answers[0]?.receipt.id).not.toBe(first.receipt.id);
  },
  TIMEOUT_MS,
);

test.each([
  ['trashed', (id: string) => drive().setTrashed(id, true)],
  ['deleted permanently', (id: string) => drive().removeFile(id)],
])(
  'deliveries into a folder that was just %s end in one new folder',
  async (what, harm) => {
    const path = `folder-${what.replaceAll(' ', '-')}`;
    const first = await world.send(courier, 'x', { query: { name: 'first.txt', path } });
    harm(first.receipt.folderId);
    const answers = await Promise.all(
      FIFTY.map((turn) => world.insist(() => courier, 'y', { query: { name: `${turn}.txt`, path } })),
    );
    expect(count(answers.map(({ status }) => status))).toEqual({ 201: 50 });
    const folders = filesNamed(path).filter(({ trashed }) => !trashed);
    expect(folders).toHaveLength(1);
    const inside = drive().files({ folder: folders[0]?.id ?? '' });
    expect(inside.filter(({ trashed }) => !trashed)).toHaveLength(50);
    expect(count(answers.map(({ receipt }) => receipt.folderId))).toEqual({ [folders[0]?.id ?? '']: 50 });
  },
  TIMEOUT_MS,
);

test('a name stays unique in the folder that replaces a deleted one, while searches lag behind', async () => {
  drive().setLimits({ listLagMs: 3_600_000 });
  const path = 'folder-of-one-name';
  const query = { name: 'only.txt', path, onConflict: 'replace' };
  const first = await world.send(courier, 'x', { query: { name: 'first.txt', path } });
  drive().removeFile(first.receipt.folderId);
  const second = await world.insist(() => courier, 'second', { query });
  const third = await world.insist(() => courier, 'third', { query });
  expect([second.receipt.outcome, third.receipt.outcome]).toEqual(['created', 'replaced']);
  expect(filesNamed('only.txt')).toMatchObject([{ id: second.receipt.id, sha256: hash('sha256', 'third') }]);
});

test.each<[string, Record<string, string>]>([
  ['file', {}],
  ['document', { convertTo: 'doc' }],
])(
  'a %s that was moved out of a folder in the trash keeps its name for itself, while searches lag behind',
  async (what, more) => {
    drive().setLimits({ listLagMs: 3_600_000 });
    const path = `folder-in-trash-${what}`;
    const name = `moved-${what}.txt`;
    const options = {
      query: { name, path, onConflict: 'replace', ...more },
      headers: { 'content-type': 'text/plain' },
    };
    const first = await world.send(courier, 'x', { query: { name: 'first.txt', path } });
    const body = new ReadableStream({
      async start(controller) {
        controller.enqueue(Buffer.from('sec'));
        // The delivery is planned for the folder by then.
        await sleep(500);
        drive().setTrashed(first.receipt.folderId, true);
        controller.enqueue(Buffer.from('ond'));
        controller.close();
      },
    });
    const second = await world.send(courier, body, options);
    const third = await world.insist(() => courier, 'third', options);
    expect([second.receipt.outcome, third.receipt.outcome]).toEqual(['created', 'replaced']);
    expect(filesNamed(name)).toMatchObject([{ id: second.receipt.id, trashed: false }]);
  },
);

test('a late copy of a completed delivery does not overwrite newer bytes', async () => {
  const query = { name: 'newest.txt', onConflict: 'replace' };
  await world.send(courier, 'first', { query });
  let finish: (() => void) | undefined;
  const slowly = new ReadableStream({
    start(controller) {
      controller.enqueue(Buffer.from('se'));
      finish = () => {
        controller.enqueue(Buffer.from('cond'));
        controller.close();
      };
    },
  });
  const late = world.send(courier, slowly, { key: 'second', query });
  const second = await world.insist(() => courier, 'second', { key: 'second', query });
  const third = await world.send(courier, 'third', { key: 'third', query });
  finish?.();
  expect(await late).toMatchObject({ status: 200, receipt: { id: second.receipt.id, outcome: 'replayed' } });
  expect(third.receipt).toMatchObject({ id: second.receipt.id, outcome: 'replaced' });
  expect(filesNamed('newest.txt')).toMatchObject([{ sha256: hash('sha256', 'third'), revisions: 3 }]);
});
