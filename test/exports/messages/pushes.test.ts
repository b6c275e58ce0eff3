import { describe, expect, test } from '@jest/globals';
import type { ErrorCode } from '../../../src/errors.ts';
import { STREAMING_FORMS } from '../../support/http/http-forms.ts';
import { createPushEntry, PUSHER, type Push, SUBSCRIPTION, wrap } from './push-entry.ts';

describe.each(STREAMING_FORMS)('a push, %s', (form) => {
  const { entry, state, send, push, only } = createPushEntry(form);

  test('with an export document is delivered with the subscription’s permissions', async () => {
    const { status, text } = await push({ data: '{"name":"a.txt","destination":"archive","source":{"text":"hi"}}' });
    expect([status, text]).toEqual([204, '']);
    expect(only().bytes.toString()).toBe('hi');
    expect(only().delivery).toMatchObject({
      caller: PUSHER,
      allowedDestinations: ['reports', 'archive'],
      options: { name: 'a.txt', destination: 'archive' },
      idempotencyKey: `${SUBSCRIPTION}/136969346945`,
    });
  });

  test('with the attribute "name" contains the file’s bytes', async () => {
    const data = Buffer.from([0, 255, 10, 13]);
    const attributes = {
      name: 'b.bin',
      path: 'x/y',
      onConflict: 'skip',
      mimeType: 'application/x-b',
      idempotencyKey: 'k',
      googclient_traceparent: '00-1',
      origin: 'nightly',
    };
    expect((await push({ data, attributes })).status).toBe(204);
    expect(only().bytes.equals(data)).toBe(true);
    expect(only().delivery).toMatchObject({
      options: { name: 'b.bin', path: 'x/y', onConflict: 'skip' },
      idempotencyKey: 'k',
    });
    expect(only().delivery.options).not.toHaveProperty('origin');
    expect(only().delivery.source.mimeType).toBe('application/x-b');
  });

  test('has the details of the file as text, beside the bytes or an equal document', async () => {
    const details = { modifiedTime: '2026-11-24T12:00:00+09:00', keepRevisionForever: 'true' };
    const properties = { order: '1234', région: '北' };
    expect(
      (await push({ attributes: { name: 'b.bin', ...details, properties: JSON.stringify(properties) } })).status,
    ).toBe(204);
    expect(only().delivery.options).toMatchObject({
      ...{ modifiedTime: '2026-11-24T03:00:00.000Z', keepRevisionForever: true, properties },
    });
    const document = { name: 'a.txt', source: { text: 'a' }, properties, keepRevisionForever: true };
    const data = JSON.stringify(document);
    expect((await push({ data, attributes: { properties: '{"région":"北", "order":"1234"}' } })).status).toBe(204);
    expect(entry().services.delivered.at(-1)?.delivery.options.properties).toEqual(properties);
    const before = entry().services.delivered.length;
    await push({ data, attributes: { properties: '{"order":"1"}' } });
    await push({ data, attributes: { keepRevisionForever: 'false' } });
    expect(entry().services.delivered).toHaveLength(before);
  });

  test('without a type gets the type for its name', async () => {
    expect((await push({ data: Buffer.from('a,b'), attributes: { name: 'a.csv' } })).status).toBe(204);
    expect(only().delivery.source.mimeType).toBe('text/csv');
  });

  test('may deliver an empty file', async () => {
    expect((await push({ attributes: { name: 'empty' } })).status).toBe(204);
    expect(only().bytes).toHaveLength(0);
  });

  test.each(['SECRET_VERSION_ADD', 'SECRET_VERSION_DISABLE', 'SECRET_ROTATE'])(
    'of the event %s drops the cached secret',
    async (eventType) => {
      const secretId = 'projects/my-proj/secrets/drive-key';
      const attributes = { eventType, secretId, dataFormat: 'JSON_API_V1' };
      expect((await push({ data: '{"name":"projects/1/secrets/drive-key"}', attributes })).status).toBe(204);
      expect([state.rotated, state.dead]).toEqual([[secretId], []]);
    },
  );

  test('of a secret’s other events is ignored', async () => {
    const attributes = { eventType: 'TOPIC_CONFIGURED', secretId: 'projects/my-proj/secrets/drive-key' };
    expect((await push({ attributes })).status).toBe(204);
    expect([state.rotated, state.dead]).toEqual([[], []]);
  });

  test.each([
    ['attribute', { data: '{"name":"a","source":{"text":""}}', attributes: { idempotencyKey: 'k1' } }, 'k1'],
    ['field', { data: '{"name":"a","idempotencyKey":"k2","source":{"text":""}}' }, 'k2'],
    [
      'field, given twice',
      { data: '{"name":"a","idempotencyKey":"k3","source":{"text":""}}', attributes: { idempotencyKey: 'k3' } },
      'k3',
    ],
    ['field before the object', { data: '{"idempotencyKey":"k4","source":{"gcs":"gs://reports/a"}}' }, 'k4'],
    ['object', { data: '{"source":{"gcs":"gs://reports/a"}}' }, 'gs://reports/a#7'],
    ['message', { data: '{"name":"a","source":{"text":""}}' }, `${SUBSCRIPTION}/136969346945`],
  ])('is delivered once by the key from its %s', async (_, message, key) => {
    expect((await push(message)).status).toBe(204);
    expect(only().delivery.idempotencyKey).toBe(key);
  });

  test.each<[string, Push | string, ErrorCode, string]>([
    ['data that are not JSON', { data: 'hello' }, 'request-invalid', 'This is not JSON'],
    ['data that are not the schema', { data: '{"name":"a"}' }, 'request-invalid', 'source is missing.'],
    ['no data', {}, 'request-invalid', 'neither data nor attributes'],
    ['10 MB of zeros', { data: Buffer.alloc(10_000_000) }, 'request-invalid', 'This is not JSON: character 1 '],
    [
      '10 MB of the digit 0',
      { data: Buffer.alloc(10_000_000, '0') },
      'request-invalid',
      'This is not JSON: character 2 ',
    ],
    ['a path that climbs', { data: '{"name":"a","path":"x/../..","source":{"text":""}}' }, 'path-invalid', '".."'],
    ['an unknown field', { data: '{"name":"a","nmae":"b","source":{"text":""}}' }, 'request-invalid', '"nmae"'],
    ['base64 that is none', { data: '{"name":"a","source":{"base64":"?"}}' }, 'request-invalid', 'source.base64'],
    ['a misspelt attribute', { attributes: { name: 'a', on_conflict: 'skip' } }, 'request-invalid', '"onConflict"'],
    ['a bad name', { attributes: { name: 'a/b' } }, 'name-invalid', 'folders go into'],
    [
      'attributes that contradict',
      { data: '{"name":"a","source":{"text":""}}', attributes: { destination: 'archive' } },
      'request-invalid',
      '"destination"',
    ],
    [
      'keys that contradict',
      { data: '{"name":"a","idempotencyKey":"x","source":{"text":""}}', attributes: { idempotencyKey: 'y' } },
      'request-invalid',
      '"idempotencyKey"',
    ],
    ['a bad key', { attributes: { name: 'a', idempotencyKey: 'ä' } }, 'request-invalid', 'idempotencyKey'],
    [
      'an object name that is too long',
      {
        attributes: {
          eventType: 'OBJECT_FINALIZE',
          bucketId: 'reports',
          objectId: `${'o/'.repeat(20)}${'ö'.repeat(500)}`,
        },
      },
      'request-invalid',
      'no object can have',
    ],
    ['no object', { attributes: { eventType: 'OBJECT_FINALIZE', bucketId: 'reports' } }, 'request-invalid', 'objectId'],
    [
      'data that are not base64',
      wrap({}).replace('"data":""', '"data":"not*base64"'),
      'request-invalid',
      'message.data is not base64.',
    ],
  ])('with %s fails permanently: published as a dead letter, then acknowledged', async (_, message, code, detail) => {
    const { status } = typeof message === 'string' ? await send(message) : await push(message);
    expect(status).toBe(204);
    expect(entry().services.delivered).toHaveLength(0);
    expect(state.dead).toHaveLength(1);
    expect(state.dead[0]?.reason.code).toBe(code);
    expect(state.dead[0]?.reason.detail).toContain(detail);
    expect(state.dead[0]?.message.subscription).toBe(SUBSCRIPTION);
    expect(entry().services.log.lines.filter((line) => line.startsWith('error permanent failure'))).toHaveLength(1);
  });

  test.each([
    ['without a token', undefined, 401],
    ['with another token', 'Bearer good', 401],
  ])('%s is rejected before it is read', async (_, authorization, expected) => {
    const { status } = await send('{', { authorization });
    expect(status).toBe(expected);
    expect([entry().services.delivered, state.dead]).toEqual([[], []]);
    expect(entry().services.log.lines).toEqual([expect.stringMatching(/^warn POST \/v1\/pubsub 401 token-invalid /)]);
  });

  test('of another subscription is forbidden to this account, with any content', async () => {
    for (const data of ['{"name":"a","source":{"text":""}}', 'hello']) {
      const { status, json } = await push({ data, subscription: 'projects/my-proj/subscriptions/other' });
      expect([status, json.code]).toEqual([403, 'caller-not-allowed']);
    }
    expect([entry().services.delivered, state.dead, state.opened]).toEqual([[], [], []]);
    const warning = expect.stringMatching(/^warn POST \/v1\/pubsub 403 caller-not-allowed /);
    expect(entry().services.log.lines).toEqual([warning, warning]);
  });

  test.each([undefined, 'text/csv'])('whose media type is %s is reported as an unwrapped push', async (type) => {
    const { status, json } = await send('day,orders', { 'content-type': type });
    expect([status, json.code]).toEqual([415, 'media-type-unsupported']);
    expect(json.detail).toContain('--push-no-wrapper');
  });

  test.each([
    ['no wrapped push', '{"name":"a","source":{"text":""}}', '--push-no-wrapper'],
    ['a list', '[]', '--push-no-wrapper'],
    ['a CloudEvent', '{"specversion":"1.0","type":"x","data":{}}', 'CloudEvent'],
    ['an object’s event', '{"bucket":"b","name":"n","generation":"1"}', 'CloudEvent'],
    ['no JSON', 'day,orders', '--push-no-wrapper'],
    [
      'no message id',
      '{"message":{"data":""},"subscription":"projects/my-proj/subscriptions/exports"}',
      'message.messageId is missing.',
    ],
    ['no subscription', '{"message":{"data":"","messageId":"1"}}', 'subscription is missing.'],
    ['no message', '{"message":5,"subscription":"x"}', 'message is not a JSON object.'],
  ])('that is %s is rejected and retried: a wrong setup loses nothing', async (_, body, detail) => {
    const { status, json } = await send(body);
    expect([status, json.code]).toEqual([400, 'request-invalid']);
    expect(json.detail).toContain(detail);
    expect(json.detail).toMatch(/^(?:The body is a|The body is not a|message|subscription)\b[^:]*\.$/);
    expect(state.dead).toHaveLength(0);
  });
});
