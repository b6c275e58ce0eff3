import { randomBytes } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { afterEach, describe, expect, test } from '@jest/globals';
import type { Receipt } from '../../../src/domain.ts';
import { lineOf, linesOf, summaryOf, tarGzOf, tarGzWithHeader, tarOf, zipOf } from '../../support/archives.ts';
import { type Entry, STREAMING_FORMS, startEntry } from '../../support/http/http-forms.ts';
import { busyMsOf } from '../../support/processes/loop-delay.ts';

let entry: Entry | undefined;
afterEach(async () => {
  await entry?.close();
  entry = undefined;
});
const started = async (form: (typeof STREAMING_FORMS)[number]): Promise<Entry> => {
  entry = await startEntry(form);
  return entry;
};

describe('an archive', () => {
  const send = async (courier: Entry, unpack: 'zip' | 'tar.gz', body: Buffer) =>
    courier.send({ target: `/v1/files?unpack=${unpack}`, body });

  test('is refused as too large before anything is delivered if a zip unpacks to 200 times its size', async () => {
    const courier = await started('HTTP/1.1');
    const bomb = zipOf([
      { name: 'good.txt', bytes: 'y' },
      { name: 'bomb', bytes: Buffer.alloc(80_000_000) },
    ]);
    expect(bomb.byteLength).toBeLessThan(100_000);
    expect(await send(courier, 'zip', bomb)).toMatchObject({ status: 413, json: { code: 'too-large' } });
    expect(courier.services.delivered).toEqual([]);
  });

  test('that claims to be small is stopped at the claimed size', async () => {
    const courier = await started('HTTP/1.1');
    const bomb = zipOf([{ name: 'bomb', bytes: Buffer.alloc(80_000_000), claims: { size: 1_000 } }]);
    const answer = await send(courier, 'zip', bomb);
    expect(linesOf(answer)[0]).toMatchObject({ code: 'request-invalid', entry: 'bomb' });
    expect(courier.services.delivered).toEqual([]);
  });

  test.each(STREAMING_FORMS)('ends where a tar.gz has unpacked to 200 times its size (%s)', async (form) => {
    const courier = await started(form);
    const bomb = await tarGzOf([
      { name: 'good.txt', bytes: 'y' },
      { name: 'bomb', bytes: Buffer.alloc(80_000_000) },
      { name: 'after.txt', bytes: 'z' },
    ]);
    const answer = await send(courier, 'tar.gz', Buffer.concat([bomb, bomb, bomb]));
    expect(lineOf(answer, 'good.txt')).toMatchObject({ outcome: 'created' });
    expect(lineOf(answer, 'bomb')).toMatchObject({ code: 'too-large' });
    expect(summaryOf(answer)).toMatchObject({ delivered: 1, complete: false, problem: { code: 'too-large' } });
  });

  const attributes = (count: number): string =>
    Array.from({ length: count }, (_, index) => `12 ${(100_000 + index).toString(36).padStart(4, '0')}=abc\n`).join('');

  test.each([
    ['a long name', 'L', 'n'.repeat(65_537)],
    ['many attributes', 'x', attributes(300_000)],
    ['many attributes for all entries', 'g', attributes(4_000)],
  ] as const)('with an extended header of %s is refused before it is parsed', async (_, type, header) => {
    const courier = await started('HTTP/1.1');
    const archive = await tarGzWithHeader(type, header);
    const work = async (): Promise<void> =>
      expect(await send(courier, 'tar.gz', archive)).toMatchObject({ status: 413, json: { code: 'too-large' } });
    expect(await busyMsOf(250, work)).toBeLessThan(250);
  });

  test('may have extended headers of the usual length', async () => {
    const courier = await started('HTTP/1.1');
    const name = `${'folder/'.repeat(30)}${'n'.repeat(200)}`;
    for (const [type, header] of [
      ['L', name],
      ['x', attributes(3_000)],
      ['g', '52 comment=0123456789012345678901234567890123456789\n'],
    ] as const) {
      expect(summaryOf(await send(courier, 'tar.gz', await tarGzWithHeader(type, header)))).toMatchObject({
        delivered: 1,
        complete: true,
      });
    }
  });

  test('of too many entries is refused', async () => {
    const courier = await started('HTTP/1.1');
    const entries = Array.from({ length: 10_001 }, (_, index) => ({ name: `d/${index}`, bytes: '', method: 0 }));
    expect(await send(courier, 'zip', zipOf(entries))).toMatchObject({ status: 413, json: { code: 'too-large' } });
    const folders = entries.map(({ name }) => ({ name, type: 'directory' as const }));
    const answer = await send(courier, 'tar.gz', gzipSync(await tarOf([{ name: 'a', bytes: 'x' }, ...folders])));
    expect(summaryOf(answer)).toMatchObject({ delivered: 1, complete: false, problem: { code: 'too-large' } });
  });

  test('of hundreds of megabytes is unpacked in little memory', async () => {
    const courier = await started('HTTP/1.1');
    let received = 0;
    courier.services.deliver = async ({ options, source }) => {
      for await (const piece of source.open()) received += piece.byteLength;
      return { name: options.name, outcome: 'created' } as Receipt;
    };
    // Members of a gzip file may follow each other, and so may the entries in them.
    const noise = randomBytes(3_000_000);
    const names = Array.from({ length: 100 }, (_, index) => `f${index}`);
    const parts = await Promise.all(names.map((name) => tarOf([{ name, bytes: noise.subarray(0, 3_000_000) }])));
    const members = parts.map((part) => gzipSync(part.subarray(0, -1024), { level: 1 }));
    const archive = [...members, gzipSync(Buffer.alloc(1024))];
    globalThis.gc?.();
    const before = process.memoryUsage.rss();
    let peak = before;
    const timer = setInterval(() => {
      peak = Math.max(peak, process.memoryUsage.rss());
    }, 20);
    const answer = await courier.send({ target: '/v1/files?unpack=tar.gz', body: archive });
    clearInterval(timer);
    expect(summaryOf(answer)).toMatchObject({ delivered: 100, failed: 0 });
    expect(received).toBe(300_000_000);
    expect((peak - before) / 1_048_576).toBeLessThan(150);
  }, 60_000);
});
