import { hash, randomBytes } from 'node:crypto';
import { afterEach, describe, expect, test } from '@jest/globals';
import { createCourierDrive, sourceOf } from '../../support/courier/courier-drive.ts';
import { startTinyDrive, type TinyDrive } from '../../support/drive/tiny-drive.ts';
import { uploadTo } from '../../support/drive/upload-to.ts';

const KIB = 1_024;
const MIB = KIB * KIB;

const closers: (() => void | Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

const start = async (): Promise<{ tiny: TinyDrive } & ReturnType<typeof createCourierDrive>> => {
  const tiny = await startTinyDrive({ granularity: 256 * KIB });
  const courier = createCourierDrive({ origin: tiny.origin });
  closers.push(tiny.close, courier.transport.close);
  return { tiny, ...courier };
};

const newFile = (id: string) => ({ id, name: 'report.csv', mimeType: 'text/csv', folderId: 'folder' });

describe('sizes at every boundary', () => {
  const CHUNK = 4 * MIB;
  const sizes = [0, 1, 256 * KIB, 5 * MIB, CHUNK, 3 * CHUNK].flatMap((size) => [size - 1, size, size + 1]);
  test.each(sizes.filter((size) => size >= 0))(
    '%i bytes of known and unknown size are stored as sent',
    async (size) => {
      const { tiny, drive } = await start();
      const bytes = randomBytes(size);
      for (const hasKnownSize of [true, false]) {
        const id = await drive.newId({});
        const source = sourceOf(bytes, { hasKnownSize });
        const uploaded = await uploadTo(drive, {
          target: { kind: 'create', file: newFile(id) },
          source,
          maxBytes: size,
        });
        expect(uploaded).toMatchObject({ sha256: hash('sha256', bytes), size, kind: 'stored' });
        expect(tiny.files.get(id)?.revisions.map((bytes) => hash('sha256', bytes))).toEqual([hash('sha256', bytes)]);
      }
      expect(tiny.files.size).toBe(2);
    },
  );
});
