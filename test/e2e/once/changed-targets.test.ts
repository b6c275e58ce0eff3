import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals';
import { waitForAudits } from '../../support/courier/audits.ts';
import { createPerson, type Person } from '../../support/person.ts';
import { type PushWorld, startPushWorld } from '../../support/courier/push-world.ts';

/**
 * A push is interrupted during a resumable upload. Before the redelivery, a person changes the file that it should
 * replace.
 */

const TIMEOUT_MS = 120_000;
const MEBIBYTE = 1_048_576;
const CHUNK = { method: 'PUT', path: '/upload/*' } as const;
/** Longer than the courier waits within a request, so it fails at once. */
const UNAVAILABLE = { kind: 'status', status: 503, retryAfterSeconds: 600 } as const;

let world: PushWorld;
let person: Person;
beforeAll(async () => {
  // Small buffers make small chunks: 6 MiB take several.
  world = await startPushWorld({
    subscription: 'projects/local-project/subscriptions/exports',
    limits: { bufferBytes: 4 * MEBIBYTE },
  });
  person = createPerson(world.google);
}, TIMEOUT_MS);
afterEach(() => world.google.faults.clear());
afterAll(() => world?.close());

const documentOf = (name: string, gcs: string) => ({ name, onConflict: 'replace', source: { gcs } });
const fileOf = (id: string) => world.google.drive.files().filter((file) => file.id === id);
const liveFilesNamed = (name: string) => world.filesNamed(name).filter(({ trashed }) => !trashed);

interface Interrupted {
  /** The file to be replaced and its content. */
  target: { id: string; sha256: string };
  /** The content that the push delivers. */
  sha256: string;
  push(): Promise<number>;
}

/** A file that a first push created, and a second push for it that stops after two chunks. */
const interrupt = async (name: string): Promise<Interrupted> => {
  const { google } = world;
  const old = await world.putObject(`old ${name}`, Buffer.from(`old ${name}`));
  expect(await world.push({ id: `old ${name}`, data: documentOf(name, old.url) })).toBe(204);
  const [made] = world.filesNamed(name);
  const object = await world.putObject(`new ${name}`, Buffer.alloc(6 * MEBIBYTE, name));
  const push = () => world.push({ id: `new ${name}`, data: documentOf(name, object.url) });
  google.faults.add({ ...CHUNK, nth: 3, fault: UNAVAILABLE });
  expect(await push()).toBe(503);
  expect(google.faults.list()).toMatchObject([{ fired: 1 }]);
  google.faults.clear();
  expect(world.filesNamed(name)).toMatchObject([{ id: made?.id, sha256: old.sha256, revisions: 1 }]);
  return { target: { id: made?.id ?? '', sha256: old.sha256 }, sha256: object.sha256, push };
};

/** What the person does, and the state of the file afterwards. */
const CHANGES: readonly [string, (id: string) => Promise<void>, () => object][] = [
  ['renamed', (id) => person.rename(id, 'archived.bin'), () => ({ name: 'archived.bin', trashed: false })],
  [
    'moved',
    (id) => person.move(id, { from: world.google.places.sharedDriveFolder, to: world.google.places.sharedDrive }),
    () => ({ parents: [world.google.places.sharedDrive], trashed: false }),
  ],
  ['trashed', (id) => person.trash(id), () => ({ trashed: true })],
];

test.each(CHANGES)(
  'a file that was %s keeps its bytes, and the redelivery creates a file with the name in the folder',
  async (what, change, after) => {
    const name = `report-${what}.bin`;
    const { target, sha256, push } = await interrupt(name);
    await change(target.id);
    expect(await push()).toBe(204);

    const { sharedDriveFolder } = world.google.places;
    expect(fileOf(target.id)).toMatchObject([{ ...after(), sha256: target.sha256, revisions: 1 }]);
    const found = liveFilesNamed(name).filter(({ id }) => id !== target.id);
    expect(found).toMatchObject([{ parents: [sharedDriveFolder], sha256, revisions: 1 }]);
    expect(found).toHaveLength(1);
    const audits = await waitForAudits(world.courier().lines, name, 3);
    const fileId = found[0]?.id;
    expect(audits.map(({ outcome }) => outcome)).toEqual(['created', 'failed', 'created']);
    expect(audits.at(-1)).toMatchObject({ fileId, sha256, folderId: sharedDriveFolder });
    expect(audits.at(-1)?.warnings).toBeUndefined();

    // Pub/Sub may redeliver an acknowledged message.
    expect(await push()).toBe(204);
    expect((await waitForAudits(world.courier().lines, name, 4)).at(-1)).toMatchObject({ outcome: 'replayed', fileId });
    expect(fileOf(fileId ?? '')).toMatchObject([{ sha256, revisions: 1 }]);
  },
  TIMEOUT_MS,
);

test(
  'corrupted bytes of the redelivery are removed from the new file, never from the renamed one',
  async () => {
    const name = 'report-corrupt.bin';
    const { target, sha256, push } = await interrupt(name);
    await person.rename(target.id, 'archived-corrupt.bin');
    world.google.faults.add({ ...CHUNK, nth: 1, fault: { kind: 'corrupt', offset: 5 } });
    expect(await push()).toBe(503);
    expect(liveFilesNamed(name)).toEqual([]);
    world.google.faults.clear();
    expect(await push()).toBe(204);

    expect(fileOf(target.id)).toMatchObject([
      { name: 'archived-corrupt.bin', trashed: false, sha256: target.sha256, revisions: 1 },
    ]);
    expect(liveFilesNamed(name)).toMatchObject([{ sha256, revisions: 1 }]);
    const audits = await waitForAudits(world.courier().lines, name, 4);
    expect(audits.map(({ outcome, code }) => code ?? outcome)).toEqual([
      ...['created', 'drive-unavailable', 'drive-unavailable', 'created'],
    ]);
    expect(audits.at(-1)).toMatchObject({ fileId: liveFilesNamed(name)[0]?.id, sha256 });
  },
  TIMEOUT_MS,
);

test(
  'without any change the redelivery resumes its session and replaces the file once',
  async () => {
    const name = 'report-unchanged.bin';
    const { target, sha256, push } = await interrupt(name);
    world.google.calls.clear();
    expect(await push()).toBe(204);
    expect(world.filesNamed(name)).toMatchObject([{ id: target.id, sha256, revisions: 2 }]);
    const opened = world.google.calls.list({ host: 'www.googleapis.com', path: /\/upload\/drive\/v3\/files/ });
    expect(opened.filter(({ method }) => method !== 'PUT')).toEqual([]);
    const audits = await waitForAudits(world.courier().lines, name, 3);
    expect(audits.at(-1)).toMatchObject({ outcome: 'replayed', sha256, fileId: target.id });
  },
  TIMEOUT_MS,
);
