import { hash } from 'node:crypto';
import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals';
import { waitForAudits } from '../../../support/courier/audits.ts';
import { type PushWorld, startPushWorld } from '../../../support/courier/push-world.ts';

/**
 * A copy of a delivery starts, or continues, after newer bytes were delivered to the same file: the newer bytes remain.
 */

const TIMEOUT_MS = 120_000;
const MEBIBYTE = 1_048_576;

let world: PushWorld;
beforeAll(async () => {
  world = await startPushWorld({ subscription: 'projects/local-project/subscriptions/exports' });
}, TIMEOUT_MS);
afterEach(() => world.google.faults.clear());
afterAll(() => world?.close());

const documentOf = (name: string, source: object) => ({ name, onConflict: 'replace', source });

test.each([
  ['resumable', 6 * MEBIBYTE],
  ['multipart', 1_000],
])(
  'a slow copy of an acknowledged push does not overwrite a newer delivery (%s upload)',
  async (kind, size) => {
    const name = `slow-${kind}.bin`;
    expect(await world.push({ id: `base ${name}`, data: documentOf(name, { text: 'base' }) })).toBe(204);
    const older = await world.putObject(`older ${name}`, Buffer.alloc(size, 'A'));
    const push = () => world.push({ id: `older ${name}`, data: documentOf(name, { gcs: older.url }) });
    // Whichever copy comes second is paused while the newer delivery is made.
    world.google.faults.add({ method: 'PATCH', path: '/upload/*', nth: 2, fault: { kind: 'delay', ms: 3_000 } });
    const copies = [push(), push()];
    expect(await Promise.race(copies)).toBe(204);
    world.google.faults.clear();
    expect(await world.push({ id: `newer ${name}`, data: documentOf(name, { text: 'newer' }) })).toBe(204);
    expect(await Promise.all(copies)).toEqual([204, 204]);

    const [file] = world.filesNamed(name);
    expect(world.filesNamed(name)).toHaveLength(1);
    expect(file).toMatchObject({ sha256: hash('sha256', 'newer'), revisions: 3 });
    const audits = await waitForAudits(world.courier().lines, name, 4);
    const shown = audits.map(({ outcome, fileId, sha256 }) => [outcome, fileId, sha256]);
    expect(shown.sort()).toEqual(
      [
        ['created', file?.id, hash('sha256', 'base')],
        ['replaced', file?.id, older.sha256],
        ['replaced', file?.id, hash('sha256', 'newer')],
        ['replayed', file?.id, older.sha256],
      ].sort(),
    );
  },
  TIMEOUT_MS,
);

test(
  'a push that is redelivered after newer bytes is acknowledged and changes nothing',
  async () => {
    const name = 'again.txt';
    const older = { id: `older ${name}`, data: documentOf(name, { text: 'older' }) };
    expect(await world.push(older)).toBe(204);
    expect(await world.push({ id: `newer ${name}`, data: documentOf(name, { text: 'newer' }) })).toBe(204);
    expect(await world.push(older)).toBe(204);
    const [file] = world.filesNamed(name);
    expect(world.filesNamed(name)).toMatchObject([{ sha256: hash('sha256', 'newer'), revisions: 2 }]);
    const audits = await waitForAudits(world.courier().lines, name, 3);
    expect(audits).toMatchObject([
      { outcome: 'created', fileId: file?.id, sha256: hash('sha256', 'older') },
      { outcome: 'replaced', fileId: file?.id, sha256: hash('sha256', 'newer') },
      { outcome: 'replayed', fileId: file?.id, sha256: hash('sha256', 'older') },
    ]);
  },
  TIMEOUT_MS,
);

test(
  'a push whose file is now in the trash is acknowledged with a warning, and one that can never succeed fails permanently',
  async () => {
    const name = 'trashed.txt';
    const message = { id: name, data: { name, source: { text: 'x' } } };
    expect(await world.push(message)).toBe(204);
    const [file] = world.filesNamed(name);
    world.google.drive.setTrashed(file?.id ?? '', true);
    expect(await world.push(message)).toBe(204);
    const [first, again] = await waitForAudits(world.courier().lines, name, 2);
    expect(first).toMatchObject({ outcome: 'created', fileId: file?.id });
    expect(first?.warnings).toBeUndefined();
    expect(again).toMatchObject({
      outcome: 'replayed',
      fileId: file?.id,
      warnings: [expect.stringContaining('trash')],
    });

    const taken = { id: 'taken', data: { name: 'taken.txt', onConflict: 'fail', source: { text: 'x' } } };
    expect(await world.push(taken)).toBe(204);
    expect(await world.push({ ...taken, id: 'taken too' })).toBe(204);
    expect(await waitForAudits(world.courier().lines, 'taken.txt', 2)).toMatchObject([
      { outcome: 'created' },
      { outcome: 'given-up', code: 'name-taken' },
    ]);
    expect(world.filesNamed('taken.txt')).toHaveLength(1);
  },
  TIMEOUT_MS,
);
