import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { CourierProcess } from '../../../local/courier-process.ts';
import { type CourierWorld, startCourierWorld } from '../../support/courier/courier-world.ts';
import { folderFor, MEMBERSHIPS } from '../../support/drive/foreign-folder.ts';

const TIMEOUT_MS = 120_000;
const G = 'application/vnd.google-apps.';

describe.each(MEMBERSHIPS)('as a %s', (membership) => {
  let world: CourierWorld;
  let courier: CourierProcess;
  beforeAll(async () => {
    world = await startCourierWorld((google) => ({ default: { folder: folderFor(google, membership) } }));
    courier = await world.start();
  }, TIMEOUT_MS);
  afterAll(() => world?.close());

  const filesNamed = (name: string) => world.google.drive.files().filter((file) => file.name === name);

  test.each([
    ['sheet', 'text/csv', `${G}spreadsheet`],
    ['doc', 'text/plain; charset=utf-8', `${G}document`],
    ['slides', 'application/vnd.openxmlformats-officedocument.presentationml.presentation', `${G}presentation`],
  ])('%s: %s becomes %s', async (convertTo, type, mimeType) => {
    const sent = await world.send(courier, 'a,b\n1,2\n', { type, query: { name: `to ${convertTo}`, convertTo } });
    expect(sent).toMatchObject({ status: 201, receipt: { mimeType, size: 8, md5: null, outcome: 'created' } });
    expect(filesNamed(`to ${convertTo}`)).toMatchObject([{ id: sent.receipt.id, mimeType }]);
  });

  test.each([
    ['a type that Drive does not convert', 'application/octet-stream', 'sheet', /octet-stream.*"sheet"/],
    ['a type that Drive converts to something else', 'text/csv', 'slides', /text\/csv.*"slides".*"sheet"/],
  ])('rejects %s before anything is created', async (_, type, convertTo, reason) => {
    const sent = await world.send(courier, 'x', { type, query: { name: 'refused', convertTo } });
    expect(sent).toMatchObject({ status: 422, code: 'conversion-refused', detail: expect.stringMatching(reason) });
    expect(filesNamed('refused')).toEqual([]);
  });

  test('rejects a file whose announced size is too large to convert', async () => {
    const bytes = Buffer.alloc(52_428_801, 'x');
    const sent = await world.send(courier, bytes, { query: { name: 'too large', convertTo: 'doc' } });
    expect(sent).toMatchObject({ status: 422, code: 'conversion-refused', detail: expect.stringMatching(/52428800/) });
    expect(filesNamed('too large')).toEqual([]);
  });

  test(
    'twenty concurrent requests with one key are converted once',
    async () => {
      const sending = { key: 'convert-once', type: 'text/csv', query: { name: 'once', convertTo: 'sheet' } };
      // The first attempt that has sent all bytes is paused, so that the others reach the same point meanwhile.
      world.google.faults.add({ method: 'PUT', path: '/upload/*', nth: 1, fault: { kind: 'delay', ms: 1_500 } });
      const answers = await Promise.all(
        Array.from({ length: 20 }, () => world.insist(() => courier, 'a\n1\n', sending)),
      );
      expect(filesNamed('once')).toHaveLength(1);
      expect(new Set(answers.map(({ receipt }) => receipt.id))).toEqual(new Set([filesNamed('once')[0]?.id]));
      expect(answers.filter(({ status }) => status === 201)).toHaveLength(1);
      expect(await world.send(courier, 'other\n', sending)).toMatchObject({
        status: 422,
        code: 'idempotency-key-reused',
      });
    },
    TIMEOUT_MS,
  );

  test('a conversion is replaced under its id, although searches do not show it yet', async () => {
    world.google.drive.setLimits({ listLagMs: 3_600_000 });
    const sending = { type: 'text/csv', query: { name: 'table', convertTo: 'sheet', onConflict: 'replace' } };
    const first = await world.send(courier, 'a\n1\n', sending);
    const second = await world.send(courier, 'a\n2\n', sending);
    expect(first).toMatchObject({ status: 201 });
    expect(second).toMatchObject({ status: 200, receipt: { id: first.receipt.id, outcome: 'replaced' } });
    expect(second.receipt.mimeType).toBe(`${G}spreadsheet`);
    expect(filesNamed('table')).toHaveLength(1);
    world.google.drive.setLimits({ listLagMs: 0 });
  });

  test('plain bytes do not replace a Google Docs file, nor a conversion a plain file', async () => {
    const name = 'kinds';
    await world.send(courier, 'a\n1\n', { type: 'text/csv', query: { name, convertTo: 'sheet' } });
    expect(await world.send(courier, 'x', { query: { name, onConflict: 'replace' } })).toMatchObject({
      status: 409,
      code: 'name-taken',
      // A different combination from the one just rejected.
      receipt: { remedy: expect.not.stringContaining('replace or') },
    });
    await world.send(courier, 'x', { query: { name: 'plain' } });
    const converted = { name: 'plain', convertTo: 'doc', onConflict: 'replace' };
    expect(await world.send(courier, 'x', { query: converted })).toMatchObject({ status: 409, code: 'name-taken' });
  });
});
