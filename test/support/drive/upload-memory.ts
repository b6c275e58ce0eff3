/** Prints how many bytes of memory finished uploads keep until V8's next full collection. Needs --expose-gc. */
import { getHeapSpaceStatistics } from 'node:v8';
import type { Upload } from '../../../src/drive/drive.ts';
import { createBufferBudget } from '../../../src/drive/upload/buffer-budget.ts';
import { createStartUpload } from '../../../src/drive/upload/upload.ts';
import { createLog } from '../../../src/log.ts';

const { gc: collectGarbage } = globalThis;
if (collectGarbage === undefined) throw new Error('Run this with --expose-gc.');

const BYTES = Buffer.from('small');
const UPLOADS = 200;
/** Uploads that are in progress at the same time, so that each minor collection finds some. */
const IN_PROGRESS = 8;
/** What the source of each upload holds, so that a source that is kept is seen. */
const HELD_OBJECTS = 1_000;
const HELD_BYTES = 24_000;

const unused = (): never => {
  throw new Error('not expected');
};

const startUpload = createStartUpload({
  client: { call: unused, callSession: unused, driveNow: unused, error: unused },
  files: { get: unused, removeUnchanged: unused, revisions: unused, removeRevision: unused },
  budget: createBufferBudget({ bytes: 16 * 262_144, maxWaiters: 0 }),
  again: unused,
  now: Date.now,
  log: createLog('silent'),
});

const begin = async (): Promise<Upload> => {
  const held = Array.from({ length: HELD_OBJECTS }, (_, index) => ({ index }));
  const source = {
    size: BYTES.byteLength,
    mimeType: 'text/csv',
    async *open() {
      if (held.length > 0) yield BYTES;
    },
  };
  return startUpload({ source, maxBytes: 1_000 });
};

const uploads: (Upload | undefined)[] = Array.from({ length: IN_PROGRESS });
const uploadMany = async (count: number): Promise<void> => {
  for (let at = 0; at < count; at++) {
    uploads[at % IN_PROGRESS]?.close();
    uploads[at % IN_PROGRESS] = await begin();
    if (at % 10 === 0) collectGarbage({ type: 'minor' });
  }
};

const oldBytes = (): number =>
  getHeapSpaceStatistics().find(({ space_name: name }) => name === 'old_space')?.space_used_size ?? 0;

await uploadMany(40);
collectGarbage();
const before = oldBytes();
await uploadMany(UPLOADS);
console.log(JSON.stringify({ kept: oldBytes() - before, held: UPLOADS * HELD_BYTES }));
