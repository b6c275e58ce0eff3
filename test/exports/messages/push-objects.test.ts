import { describe, expect, test } from '@jest/globals';
import { STREAMING_FORMS } from '../../support/http/http-forms.ts';
import { createPushEntry } from './push-entry.ts';

describe.each(STREAMING_FORMS)('a push, %s', (form) => {
  const { entry, state, push, notify, only } = createPushEntry(form);

  test('of a bucket’s notification exports the object in the given generation', async () => {
    const attributes = {
      notificationConfig: 'projects/_/buckets/reports/notificationConfigs/1',
      eventType: 'OBJECT_FINALIZE',
      payloadFormat: 'JSON_API_V1',
      bucketId: 'reports',
      objectId: '2026/11/sales #5.csv',
      objectGeneration: '1767225600000001',
      destination: 'archive',
      onConflict: 'replace',
    };
    expect((await push({ data: '{"kind":"storage#object"}', attributes })).status).toBe(204);
    expect(state.opened).toEqual([
      { bucket: 'reports', object: '2026/11/sales #5.csv', generation: '1767225600000001' },
    ]);
    expect(only().delivery).toMatchObject({
      options: { name: 'sales #5.csv', path: '2026/11', destination: 'archive', onConflict: 'replace' },
      idempotencyKey: 'gs://reports/2026/11/sales #5.csv#1767225600000001',
    });
  });

  test.each(['OBJECT_DELETE', 'OBJECT_METADATA_UPDATE', 'OBJECT_ARCHIVE', 'something new'])(
    'of the event %s of an object is acknowledged and ignored',
    async (eventType) => {
      expect((await push({ attributes: { eventType, bucketId: 'reports', objectId: 'a' } })).status).toBe(204);
      expect([entry().services.delivered, state.dead, state.opened]).toEqual([[], [], []]);
    },
  );

  test('of an object with a name of 1,024 bytes, in segments that Drive accepts, is delivered', async () => {
    const objectId = `${'d'.repeat(255)}/${'e'.repeat(255)}/${'f'.repeat(255)}/x/${'g'.repeat(250)}.csv`;
    expect(objectId).toHaveLength(1024);
    expect((await push({ attributes: { eventType: 'OBJECT_FINALIZE', bucketId: 'reports', objectId } })).status).toBe(
      204,
    );
    expect(only().delivery.options.name).toBe(`${'g'.repeat(250)}.csv`);
  });

  test.each([
    ['dir/', 'info'],
    ['a/b/', 'info'],
    ['/', 'info'],
    ['a/../../b', 'warn'],
    ['./a', 'warn'],
    ['a/..', 'warn'],
    ['a\\..\\b', 'warn'],
    ['\\', 'warn'],
  ])('of the object %j is acknowledged, ignored and logged as %s', async (objectId, level) => {
    expect((await notify(objectId)).status).toBe(204);
    expect([entry().services.delivered, state.dead, state.opened]).toEqual([[], [], []]);
    const lines = entry().services.log.lines.filter((line) => line.includes('message ignored'));
    expect(lines).toEqual([expect.stringMatching(new RegExp(`^${level} .*the object`))]);
  });

  test.each([
    ['a//b.csv', 'a', 'b.csv'],
    ['/a.csv', '', 'a.csv'],
    ['//x///y//a.csv', 'x/y', 'a.csv'],
    ['a\tb/c\u0007.csv', 'a_b', 'c_.csv'],
    ['dir\\sub\\a.csv', 'dir/sub', 'a.csv'],
    ['a / b .csv ', 'a', 'b .csv'],
    [' /a', '_', 'a'],
    ['cafe\u0301/a', 'caf\u00e9', 'a'],
  ])('of the object %j is delivered to %j as %j', async (objectId, path, name) => {
    expect((await notify(objectId)).status).toBe(204);
    expect(state.dead).toEqual([]);
    expect(only().delivery.options).toMatchObject({ path, name });
    // Cloud Storage is asked for the unmodified name.
    expect(state.opened[0]?.object).toBe(objectId);
  });

  test('of an object with one long segment is delivered under a unique shorter name', async () => {
    const names: string[] = [];
    for (const ending of ['1', '2']) {
      expect((await notify(`${'o'.repeat(1000)}${ending}.csv`)).status).toBe(204);
      names.push(only().delivery.options.name ?? '');
      entry().services.delivered.length = 0;
    }
    expect(state.dead).toEqual([]);
    for (const name of names) expect(name).toMatch(/^o{242}~[0-9a-f]{8}\.csv$/);
    expect(new Set(names).size).toBe(2);
  });

  test('of an object in more folders than a path allows is delivered', async () => {
    expect((await notify(`${'d/'.repeat(40)}a.csv`)).status).toBe(204);
    expect(only().delivery.options).toMatchObject({ path: `${'d/'.repeat(31)}d${'_d'.repeat(8)}`, name: 'a.csv' });
  });
});
