import { afterEach, describe, expect, test } from '@jest/globals';
import type { Delivery } from '../../../src/domain.ts';
import { linesOf, summaryOf, tarGzOf, zipOf } from '../../support/archives.ts';
import { createEntryStarter, type Entry } from '../../support/http/http-forms.ts';

const { started, close } = createEntryStarter();
afterEach(close);
const send = async (courier: Entry, unpack: 'zip' | 'tar.gz', body: Buffer, query = '') =>
  courier.send({ target: `/v1/files?unpack=${unpack}${query}`, body });

const FILES = [
  { name: 'a.csv', bytes: 'a,b\n1,2\n' },
  { name: 'sub/b.txt', bytes: 'hello' },
];

describe('an archive', () => {
  test("goes below the destination's own path if the request has none", async () => {
    const destinations = () => [
      { name: 'reports', path: 'inbox', onConflict: 'new' as const, convertTo: null, maxBytes: 5 },
    ];
    const courier = await started('HTTP/1.1', { services: { destinations } });
    const answer = await send(courier, 'zip', zipOf([{ name: 'x/y.txt', bytes: '' }]));
    expect(linesOf(answer)[0]).toMatchObject({ path: 'inbox/x', name: 'y.txt' });
  });

  test.each([
    ['&name=a', 'name-invalid'],
    ['&nonsense=1', 'request-invalid'],
    ['&unpack=zip', 'request-invalid'],
  ])('refuses the query %s', async (query, code) => {
    const courier = await started('HTTP/1.1');
    expect(await send(courier, 'zip', zipOf(FILES), query)).toMatchObject({ status: 400, json: { code } });
    expect(courier.services.delivered).toEqual([]);
  });

  test('explains what to do about a name, which is valid in itself', async () => {
    const courier = await started('HTTP/1.1');
    const { json } = await send(courier, 'zip', zipOf(FILES), '&name=a');
    expect(json.remedy).toContain('Leave out "name"');
  });

  test('has no line for a folder that only has the attribute of MS-DOS', async () => {
    const courier = await started('HTTP/1.1');
    const archive = zipOf([{ name: 'x', bytes: '', method: 0 }, ...FILES]);
    archive[archive.indexOf('PK\u0001\u0002') + 38] = 0x10;
    expect(summaryOf(await send(courier, 'zip', archive))).toMatchObject({ delivered: 2, failed: 0, ignored: 1 });
  });

  test('of an unknown format is refused', async () => {
    const courier = await started('HTTP/1.1');
    const answer = await courier.send({ target: '/v1/files?unpack=rar', body: 'x' });
    expect(answer).toMatchObject({ status: 400, json: { code: 'request-invalid' } });
  });

  test('takes only as many slots as are free', async () => {
    let [running, most] = [0, 0];
    const courier = await started('HTTP/1.1', { services: { concurrentUploads: 3 } });
    const { deliver } = courier.services;
    courier.services.deliver = async (delivery: Delivery) => {
      running += 1;
      most = Math.max(most, running);
      await new Promise((resolve) => setTimeout(resolve, 5));
      running -= 1;
      return deliver(delivery);
    };
    const entries = Array.from({ length: 30 }, (_, index) => ({ name: `f${index}`, bytes: 'x' }));
    expect(summaryOf(await send(courier, 'zip', zipOf(entries)))).toMatchObject({ delivered: 30 });
    expect(most).toBe(3);
  });

  test('that takes too long ends with what is left, which may be sent again', async () => {
    const courier = await started('HTTP/1.1', { services: { requestSeconds: 2, concurrentUploads: 1 } });
    const { deliver } = courier.services;
    courier.services.deliver = async (delivery: Delivery) => {
      await new Promise((resolve) => setTimeout(resolve, 300));
      return deliver(delivery);
    };
    const entries = Array.from({ length: 30 }, (_, index) => ({ name: `f${index}`, bytes: 'x' }));
    const summary = summaryOf(await send(courier, 'zip', zipOf(entries)));
    expect(summary).toMatchObject({
      complete: false,
      retryable: true,
      problem: { code: 'drive-unavailable' },
    });
    expect(Number(summary?.delivered)).toBeGreaterThan(2);
    expect(Number(summary?.delivered)).toBeLessThan(12);
  });
});

/** "UT", Info-ZIP's extended timestamp, with the time of modification only. */
const extendedTimestamp = (seconds: number): Buffer => {
  const field = Buffer.from([0x55, 0x54, 5, 0, 1, 0, 0, 0, 0]);
  field.writeInt32LE(seconds, 5);
  return field;
};
/** The field of NTFS: 100 nanoseconds since 1601, three times. */
const ntfsTimes = (milliseconds: number): Buffer => {
  const field = Buffer.from([10, 0, 32, 0, 0, 0, 0, 0, 1, 0, 24, 0, ...Buffer.alloc(24)]);
  field.writeBigInt64LE((BigInt(milliseconds) + 11_644_473_600_000n) * 10_000n, 12);
  return field;
};
/** 2026-03-04 05:06:08 in the format of MS-DOS. */
const DOS_TIME = [(5 << 11) | (6 << 5) | 4, (46 << 9) | (3 << 5) | 4] as const;

describe('the time of an entry', () => {
  const timesIn = async (unpack: 'zip' | 'tar.gz', archive: Buffer, query = '&preserveTimes=true') => {
    const courier = await started('HTTP/1.1');
    expect(summaryOf(await send(courier, unpack, archive, query))).toMatchObject({ delivered: 1, failed: 0 });
    const { modifiedTime, createdTime } = courier.services.delivered[0]?.delivery.options ?? {};
    return [modifiedTime, createdTime];
  };
  const at = Date.parse('2020-09-13T12:26:40Z') / 1000;
  const file = { name: 'a.txt', bytes: 'x' };

  test.each([
    ['the extended timestamp', { extra: extendedTimestamp(at), dosTime: DOS_TIME }, '2020-09-13T12:26:40.000Z'],
    ['the time of NTFS', { extra: ntfsTimes(at * 1000 + 123), dosTime: DOS_TIME }, '2020-09-13T12:26:40.123Z'],
    ['the time of MS-DOS, as UTC', { dosTime: DOS_TIME }, '2026-03-04T05:06:08.000Z'],
    [
      'the time of MS-DOS beside another extra field',
      { dosTime: DOS_TIME, extra: Buffer.from([1, 0, 1, 0, 7]) },
      '2026-03-04T05:06:08.000Z',
    ],
    ['no time, which is zeros', {}, undefined],
  ])('of a zip is %s', async (_, fields, expected) => {
    expect(await timesIn('zip', zipOf([{ ...file, ...fields }]))).toEqual([expected, expected]);
  });

  test.each([
    [{ mtime: new Date(at * 1000) }, '2020-09-13T12:26:40.000Z'],
    [{ mtime: new Date(0), pax: { mtime: '1600000000.987654321' } }, '2020-09-13T12:26:40.987Z'],
    [{ mtime: new Date(at * 1000), pax: { mtime: 'yesterday' } }, '2020-09-13T12:26:40.000Z'],
    [{ mtime: new Date(at * 1000), pax: { mtime: '99999999999999' } }, undefined],
  ])('of a tar.gz is its header’s: %j', async (header, expected) => {
    expect(await timesIn('tar.gz', await tarGzOf([{ ...file, ...header }]))).toEqual([expected, expected]);
  });

  test('is that of the delivery unless the request has preserveTimes', async () => {
    const archive = zipOf([{ ...file, extra: extendedTimestamp(at) }]);
    for (const query of ['', '&preserveTimes=false']) {
      expect(await timesIn('zip', archive, query)).toEqual([undefined, undefined]);
      await close();
    }
  });

  test('gives way to the times of the request', async () => {
    const archive = zipOf([{ ...file, extra: extendedTimestamp(at) }]);
    const query = '&preserveTimes=true&modifiedTime=2026-01-01T00:00:00%2B09:00';
    expect(await timesIn('zip', archive, query)).toEqual(['2025-12-31T15:00:00.000Z', '2020-09-13T12:26:40.000Z']);
  });
});
