import { gzipSync } from 'node:zlib';
import { afterEach, describe, expect, test } from '@jest/globals';
import { lineOf, linesOf, summaryOf, tarGzOf, tarOf } from '../../support/archives.ts';
import { createEntryStarter } from '../../support/http/http-forms.ts';

const { started, close } = createEntryStarter();
afterEach(close);

const send = async (body: Buffer) =>
  (await started('HTTP/1.1')).send({ target: '/v1/files?unpack=tar.gz', headers: {}, body });

const AFTER = { name: 'after.txt', bytes: 'after' };

/** Changes fields of the first entry's header, by their offset, and corrects the checksum of the header. */
const withHeader = (tar: Buffer, fields: Readonly<Record<number, string>>): Buffer => {
  for (const [at, text] of Object.entries(fields)) tar.write(text, Number(at), 'latin1');
  tar.fill(' ', 148, 156);
  const sum = tar.subarray(0, 512).reduce((total, byte) => total + byte, 0);
  tar.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
  return tar;
};

/** Offsets in a tar header (POSIX.1-1988, ustar). */
const TYPE = 156;
const MAGIC = 257;
const GNU = 'ustar  \0';
const V7 = '\0'.repeat(8);

/** A file with holes in GNU tar's own format. More than four parts have a map of their own behind the header. */
const sparseTar = async (maps: number): Promise<Buffer> => {
  const bytes = 'x'.repeat(700);
  const tar = withHeader(await tarOf([{ name: 'disk.img', bytes }, AFTER]), {
    [TYPE]: 'S',
    [MAGIC]: GNU,
    482: maps > 0 ? '\u0001' : '\0',
  });
  const blocks = Array.from({ length: maps }, (_, index) => {
    const block = Buffer.alloc(512, '7');
    block[504] = index < maps - 1 ? 1 : 0;
    return block;
  });
  return Buffer.concat([tar.subarray(0, 512), ...blocks, tar.subarray(512)]);
};

describe('a tar.gz', () => {
  test.each([
    ['two blocks of zeros', Buffer.alloc(1_024)],
    ['a record of twenty blocks of zeros, as GNU tar writes it', Buffer.alloc(10_240)],
  ])('without entries delivers nothing, and succeeds: %s', async (_, tar) => {
    const answer = await send(gzipSync(tar));
    expect(answer.status).toBe(200);
    expect(linesOf(answer)).toHaveLength(1);
    expect(summaryOf(answer)).toMatchObject({ delivered: 0, failed: 0, ignored: 0, complete: true });
  });

  test.each([
    ['no bytes at all', Buffer.alloc(0)],
    ['gzip of nothing', gzipSync('')],
    ['gzip of a single block of zeros', gzipSync(Buffer.alloc(512))],
    ['gzip that was cut off', gzipSync(Buffer.alloc(1_024)).subarray(0, -8)],
    ['gzip of text', gzipSync('a,b\n'.repeat(1_000))],
  ])('without entries is refused if it does not have its end: %s', async (_, body) => {
    const answer = await send(body);
    expect(answer.status).toBe(400);
    expect(answer.json).toMatchObject({ code: 'request-invalid' });
  });

  test.each([0, 1, 2, 100])(
    'has a problem for a sparse file of GNU tar with %i maps, and delivers the rest',
    async (maps) => {
      const answer = await send(gzipSync(await sparseTar(maps)));
      expect(summaryOf(answer)).toMatchObject({ delivered: 1, failed: 1, complete: true });
      expect(lineOf(answer, 'disk.img')).toMatchObject({ detail: expect.stringContaining('sparse') });
      expect(lineOf(answer, 'after.txt')).toMatchObject({ outcome: 'created' });
    },
  );

  test('may be in the format of Unix V7, whose folders are entries with a slash at the end', async () => {
    const [folder, file] = await Promise.all([tarOf([{ name: 'v7/', type: 'directory' }]), tarOf([AFTER])]);
    const folderHeader = withHeader(folder.subarray(0, 512), { [TYPE]: '0', [MAGIC]: V7 });
    const answer = await send(gzipSync(Buffer.concat([folderHeader, withHeader(file, { [MAGIC]: V7 })])));
    expect(summaryOf(answer)).toMatchObject({ delivered: 1, failed: 0, ignored: 1, complete: true });
  });

  test.each([
    ['the label of a volume', 'V', V7],
    ['the folder of an incremental backup', 'D', GNU],
  ])('has no line for %s', async (_, type, magic) => {
    const label = withHeader(await tarOf([{ name: 'backup', bytes: 'list' }]), { [TYPE]: type, [MAGIC]: magic });
    const answer = await send(gzipSync(Buffer.concat([label.subarray(0, -1_024), await tarOf([AFTER])])));
    expect(linesOf(answer)).toHaveLength(2);
    expect(summaryOf(answer)).toMatchObject({ delivered: 1, failed: 0, ignored: 1, complete: true });
  });

  test('is incomplete if other data follows zero bytes after the compressed data', async () => {
    const [first, second] = [await tarGzOf([AFTER]), await tarGzOf([{ name: 'lost.txt', bytes: 'lost' }])];
    const answer = await send(Buffer.concat([first, Buffer.alloc(512), second]));
    expect(summaryOf(answer)).toMatchObject({ complete: false, problem: { code: 'request-invalid' } });
  });

  test('may end with zero bytes, and have several members', async () => {
    const tar = await tarOf([AFTER]);
    const answer = await send(
      Buffer.concat([gzipSync(tar.subarray(0, 700)), gzipSync(tar.subarray(700)), Buffer.alloc(9)]),
    );
    expect(summaryOf(answer)).toMatchObject({ delivered: 1, failed: 0, complete: true });
  });

  test('may contain names with a colon, which are not taken for Windows drives', async () => {
    const answer = await send(await tarGzOf([{ name: 'Q: how.txt', bytes: 'x' }]));
    expect(linesOf(answer)[0]).toMatchObject({ name: 'Q: how.txt', outcome: 'created' });
  });
});
