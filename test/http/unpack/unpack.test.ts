import { createHash, randomBytes } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { afterEach, describe, expect, test } from '@jest/globals';
import type { Delivery } from '../../../src/domain.ts';
import { CourierError } from '../../../src/errors.ts';
import { lineOf, linesOf, summaryOf, tarGzOf, type ZipEntry, zipOf } from '../../support/archives.ts';
import { createEntryStarter, type Entry, FORMS } from '../../support/http/http-forms.ts';

const { started, close } = createEntryStarter();
afterEach(close);

const BIG = Buffer.from(Array.from({ length: 1_500_000 }, (_, index) => (index * 7 + (index >> 8) * 13) % 251));
const FILES = [
  { name: 'a.csv', bytes: 'a,b\n1,2\n' },
  { name: 'sub/große.txt', bytes: 'hello' },
  { name: 'sub/empty', bytes: '' },
  { name: 'big.bin', bytes: BIG },
];

describe.each(FORMS)('an archive, %s', (form) => {
  test.each(['zip', 'tar.gz'] as const)('of the format %s is delivered entry by entry', async (unpack) => {
    const courier = await started(form);
    const archive = unpack === 'zip' ? zipOf(FILES) : await tarGzOf(FILES);
    const answer = await courier.send({
      target: `/v1/files?unpack=${unpack}&path=2026/11&onConflict=skip`,
      headers: { 'content-type': 'application/octet-stream', 'idempotency-key': 'night-1' },
      body: archive,
    });
    expect(answer.status).toBe(200);
    expect(answer.headers['content-type']).toBe('application/x-ndjson');
    expect(summaryOf(answer)).toEqual({
      delivered: 4,
      outcomes: { created: 4 },
      failed: 0,
      ignored: 0,
      complete: true,
      retryable: false,
    });
    expect(linesOf(answer)).toHaveLength(5);
    expect(lineOf(answer, 'sub/große.txt')).toMatchObject({
      name: 'große.txt',
      path: '2026/11/sub',
      outcome: 'created',
    });
    const { delivered } = courier.services;
    expect(delivered.map(({ delivery: { options } }) => `${options.path}/${options.name}`).sort()).toEqual([
      '2026/11/a.csv',
      '2026/11/big.bin',
      '2026/11/sub/empty',
      '2026/11/sub/große.txt',
    ]);
    const big = delivered.find(({ delivery }) => delivery.options.name === 'big.bin');
    expect(big?.bytes.equals(BIG)).toBe(true);
    expect(big?.delivery).toMatchObject({ source: { size: BIG.length }, options: { onConflict: 'skip' } });
    expect(delivered.find(({ delivery }) => delivery.options.name === 'a.csv')?.delivery.source.mimeType).toBe(
      'text/csv',
    );
    expect(new Set(delivered.map(({ delivery }) => delivery.idempotencyKey)).size).toBe(4);
  });
});

describe('an archive', () => {
  const send = async (courier: Entry, unpack: 'zip' | 'tar.gz', body: Buffer, query = '', headers = {}) =>
    courier.send({ target: `/v1/files?unpack=${unpack}${query}`, headers, body });

  test('has the same keys for the same entries of a repeated request, and none without a key', async () => {
    const courier = await started('h2c');
    const keys = () => courier.services.delivered.map(({ delivery }) => delivery.idempotencyKey).sort();
    await send(courier, 'zip', zipOf(FILES), '', { 'idempotency-key': 'k' });
    const first = keys();
    courier.services.delivered.length = 0;
    await send(courier, 'zip', zipOf(FILES.toReversed()), '', { 'idempotency-key': 'k' });
    expect(keys()).toEqual(first);
    for (const key of first) expect(key).toMatch(/^entry\/[\w-]{43}$/);
    courier.services.delivered.length = 0;
    await send(courier, 'zip', zipOf(FILES));
    expect(keys()).toEqual([undefined, undefined, undefined, undefined]);
  });

  test.each(['zip', 'tar.gz'] as const)('may be the file of a form (%s)', async (unpack) => {
    const courier = await started('HTTP/1.1');
    const archive = unpack === 'zip' ? zipOf(FILES) : await tarGzOf(FILES);
    const head =
      '--b\r\nContent-Disposition: form-data; name="path"\r\n\r\nforms\r\n--b\r\nContent-Disposition: form-data; name="file"; filename="x.zip"\r\n\r\n';
    const answer = await courier.send({
      target: `/v1/files?unpack=${unpack}`,
      headers: { 'content-type': 'multipart/form-data; boundary=b' },
      body: [head, archive, '\r\n--b--\r\n'],
    });
    expect(summaryOf(answer)).toMatchObject({ delivered: 4, failed: 0 });
    expect(lineOf(answer, 'a.csv')).toMatchObject({ path: 'forms' });
  });

  test('is checked against the announced digest before anything of a zip is delivered', async () => {
    const courier = await started('HTTP/1.1');
    const digest = createHash('sha256').update('something else').digest('base64');
    const answer = await send(courier, 'zip', zipOf(FILES), '', { 'content-digest': `sha-256=:${digest}:` });
    expect(answer).toMatchObject({ status: 422, json: { code: 'digest-mismatch' } });
    expect(courier.services.delivered).toEqual([]);
  });

  test('that is a tar.gz reports in the summary if its digest differs', async () => {
    const courier = await started('HTTP/1.1');
    const digest = createHash('sha256').update('something else').digest('base64');
    const archive = await tarGzOf([...FILES, { name: 'random', bytes: randomBytes(3_000_000) }]);
    const answer = await send(courier, 'tar.gz', archive, '', { 'content-digest': `sha-256=:${digest}:` });
    expect(answer.status).toBe(200);
    expect(summaryOf(answer)).toMatchObject({ complete: false, problem: { code: 'digest-mismatch' } });
  });

  test('is refused before its body is read if the caller may not write to the destination', async () => {
    const authorize = (): void => {
      throw new CourierError('destination-forbidden');
    };
    const courier = await started('HTTP/1.1', { services: { authorize } });
    const answer = await send(courier, 'zip', zipOf(FILES), '&destination=other');
    expect(answer).toMatchObject({ status: 403, json: { code: 'destination-forbidden' } });
  });

  test.each([
    ['zip', Buffer.from('this is no archive')],
    ['zip', Buffer.alloc(0)],
    ['zip', zipOf(FILES).subarray(0, -30)],
    ['tar.gz', Buffer.from('this is no archive')],
    ['tar.gz', Buffer.alloc(0)],
    ['tar.gz', gzipSync('this is no tar file')],
    ['tar.gz', zipOf(FILES)],
  ] as const)('that is not a %s is refused as a whole (%#)', async (unpack, body) => {
    const courier = await started('HTTP/1.1');
    const answer = await send(courier, unpack, body);
    expect(answer).toMatchObject({ status: 400, json: { code: 'request-invalid' } });
    expect(courier.services.delivered).toEqual([]);
  });

  test('that ends early reports what it delivered and that it is incomplete', async () => {
    const courier = await started('h2c');
    const archive = await tarGzOf(FILES);
    const answer = await send(courier, 'tar.gz', archive.subarray(0, archive.byteLength - 200));
    expect(lineOf(answer, 'a.csv')).toMatchObject({ outcome: 'created' });
    expect(lineOf(answer, 'big.bin')).toMatchObject({ code: 'request-invalid' });
    expect(summaryOf(answer)).toMatchObject({
      delivered: 3,
      failed: 1,
      complete: false,
      problem: { code: 'request-invalid' },
    });
  });

  test('whose file fails delivers the others', async () => {
    const courier = await started('HTTP/1.1');
    const { deliver } = courier.services;
    courier.services.deliver = async (delivery: Delivery) => {
      if (delivery.options.name === 'big.bin') throw new CourierError('drive-unavailable');
      return deliver(delivery);
    };
    for (const unpack of ['zip', 'tar.gz'] as const) {
      const entries = [FILES[3], FILES[0]].flatMap((one) => (one === undefined ? [] : [one]));
      const answer = await send(courier, unpack, unpack === 'zip' ? zipOf(entries) : await tarGzOf(entries));
      expect(lineOf(answer, 'big.bin')).toMatchObject({ code: 'drive-unavailable', retryable: true, status: 503 });
      expect(summaryOf(answer)).toMatchObject({ delivered: 1, failed: 1, complete: true, retryable: true });
    }
  });

  test.each([
    ['../up.txt', 'path-invalid'],
    ['a/../../up.txt', 'path-invalid'],
    ['/etc/passwd', 'path-invalid'],
    ['C:\\windows\\x.txt', 'path-invalid'],
    ['a\u0001b.txt', 'name-invalid'],
    ['bad\u0007folder/b.txt', 'path-invalid'],
    [`${'d/'.repeat(33)}deep.txt`, 'path-invalid'],
    [`${'n'.repeat(300)}.txt`, 'name-invalid'],
  ])('has a problem for the name %j, and delivers the rest', async (name, code) => {
    const courier = await started('HTTP/1.1');
    const entries = [
      { name, bytes: 'x' },
      { name: 'good.txt', bytes: 'y' },
    ];
    for (const unpack of ['zip', 'tar.gz'] as const) {
      const answer = await send(courier, unpack, unpack === 'zip' ? zipOf(entries) : await tarGzOf(entries));
      expect(linesOf(answer)[0]).toMatchObject({ code, status: 400 });
      expect(summaryOf(answer)).toMatchObject({ delivered: 1, failed: 1, complete: true });
    }
  });

  test.each([
    ['./a.txt', '', 'a.txt'],
    ['a//b.txt', 'a', 'b.txt'],
    ['a\\b.txt', 'a', 'b.txt'],
    ['e\u0301te\u0301.txt', '', '\u00e9t\u00e9.txt'],
    ['日本語/報告.csv', '日本語', '報告.csv'],
  ])('puts the entry %j into %j as %j', async (entryName, path, name) => {
    const courier = await started('HTTP/1.1');
    for (const unpack of ['zip', 'tar.gz'] as const) {
      const entries = [{ name: entryName, bytes: 'x' }];
      const answer = await send(courier, unpack, unpack === 'zip' ? zipOf(entries) : await tarGzOf(entries));
      expect(linesOf(answer)[0]).toMatchObject({ path, name, outcome: 'created' });
    }
  });

  test('keeps names that differ by case apart, and delivers only the first of names that differ by Unicode form', async () => {
    const courier = await started('HTTP/1.1');
    const names = ['A.txt', 'a.txt', 'e\u0301.txt', '\u00e9.txt', 'a.txt'];
    for (const unpack of ['zip', 'tar.gz'] as const) {
      const entries = names.map((name, index) => ({ name, bytes: String(index) }));
      const answer = await send(courier, unpack, unpack === 'zip' ? zipOf(entries) : await tarGzOf(entries));
      expect(summaryOf(answer)).toMatchObject({ delivered: 3, failed: 2 });
      const problems = linesOf(answer).filter(({ code }) => code !== undefined);
      expect(problems.map(({ code, entry: of }) => [code, of])).toEqual([
        ['name-taken', '\u00e9.txt'],
        ['name-taken', 'a.txt'],
      ]);
    }
  });

  test('has no lines for folders and for what macOS adds', async () => {
    const courier = await started('HTTP/1.1');
    const names = ['__MACOSX/._a.txt', '.DS_Store', 'sub/.DS_Store', 'sub/._a.txt', 'a.txt'];
    const files = names.map((name) => ({ name, bytes: 'x' }));
    const zip = zipOf([{ name: 'sub/', bytes: '', method: 0, mode: 0o040755 }, ...files]);
    const tar = await tarGzOf([{ name: 'sub', type: 'directory' }, ...files]);
    for (const answer of [await send(courier, 'zip', zip), await send(courier, 'tar.gz', tar)]) {
      expect(linesOf(answer)).toHaveLength(2);
      expect(summaryOf(answer)).toMatchObject({ delivered: 1, ignored: 5 });
    }
  });

  test('has a problem for each link and device of a tar.gz', async () => {
    const courier = await started('HTTP/1.1');
    const types = ['symlink', 'link', 'character-device', 'block-device', 'fifo'] as const;
    const links = types.map((type) => ({ name: type, type, linkname: '/etc/passwd' }));
    const answer = await send(courier, 'tar.gz', await tarGzOf([...links, { name: 'a.txt', bytes: 'x' }]));
    expect(summaryOf(answer)).toMatchObject({ delivered: 1, failed: 5, complete: true });
    for (const type of types) expect(lineOf(answer, type)).toMatchObject({ code: 'request-invalid' });
  });

  test('has a problem for a sparse file of a tar.gz, whose bytes are not those of the file', async () => {
    const courier = await started('HTTP/1.1');
    const pax = { 'GNU.sparse.major': '1', 'GNU.sparse.name': 'disk.img', 'GNU.sparse.realsize': '3145729' };
    const sparse = { name: 'GNUSparseFile.7/disk.img', bytes: '1\n3145728\n1\nx', pax };
    const answer = await send(courier, 'tar.gz', await tarGzOf([sparse, { name: 'a.txt', bytes: 'x' }]));
    expect(summaryOf(answer)).toMatchObject({ delivered: 1, failed: 1, complete: true });
    expect(lineOf(answer, 'disk.img')).toMatchObject({ code: 'request-invalid' });
  });

  test.each([
    ['an encrypted entry', { name: 'x.txt', bytes: 'x', flags: 1 }],
    ['a symbolic link', { name: 'x.txt', bytes: '/etc/passwd', mode: 0o120777 }],
    ['a device', { name: 'x.txt', bytes: '', mode: 0o020666 }],
    ['an unknown compression', { name: 'x.txt', bytes: 'x', method: 93 }],
    ['a wrong CRC-32', { name: 'x.txt', bytes: 'x', claims: { crc32: 7 } }],
    ['more bytes than its header announces', { name: 'x.txt', bytes: 'xxxxxxxxxx', claims: { size: 3 } }],
    ['fewer bytes than its header announces', { name: 'x.txt', bytes: 'x', claims: { size: 3 } }],
    ['a name that is not UTF-8', { name: Buffer.from([0x66, 0xfc, 0x72]), bytes: 'x' }],
  ] as [string, ZipEntry][])('has a problem for %s of a zip, and delivers the rest', async (_, bad) => {
    const courier = await started('HTTP/1.1');
    const answer = await send(courier, 'zip', zipOf([bad, { name: 'good.txt', bytes: 'y' }]));
    expect(summaryOf(answer)).toMatchObject({ delivered: 1, failed: 1, complete: true, retryable: false });
    expect(courier.services.delivered.map(({ delivery }) => delivery.options.name)).toEqual(['good.txt']);
  });

  test('that is a zip has the names of its directory, and ignores the headers between the entries', async () => {
    const courier = await started('HTTP/1.1');
    const archive = zipOf([{ name: 'seen.txt', localName: '../x.exe', bytes: 'x' }]);
    expect(summaryOf(await send(courier, 'zip', archive))).toMatchObject({ delivered: 1, failed: 0 });
    expect(courier.services.delivered.map(({ delivery }) => delivery.options.name)).toEqual(['seen.txt']);
  });

  test('hands on options whose values are not texts', async () => {
    const courier = await started('HTTP/1.1');
    const properties = { order: '7' };
    const query = `&keepRevisionForever=true&properties=${encodeURIComponent(JSON.stringify(properties))}`;
    expect(summaryOf(await send(courier, 'zip', zipOf(FILES), query))).toMatchObject({ delivered: 4, failed: 0 });
    for (const { delivery } of courier.services.delivered) {
      expect(delivery.options).toMatchObject({ keepRevisionForever: true, properties });
    }
  });
});
