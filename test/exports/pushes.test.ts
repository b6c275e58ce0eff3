import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import type { Delivery } from '../../src/domain.ts';
import { CourierError, ERRORS, type ErrorCode } from '../../src/errors.ts';
import { bytesSource } from '../../src/exports/sources/inline.ts';
import type { ObjectName } from '../../src/exports/sources/object-name.ts';
import type { PubsubMessage } from '../../src/pubsub/message.ts';
import { type Entry, STREAMING_FORMS, startEntry } from '../support/http-forms.ts';
import { createEntryServices } from '../support/http-services.ts';

const SUBSCRIPTION = 'projects/my-proj/subscriptions/exports';
const PUSHER = { sub: '200000000000000000002', email: 'pubsub-push@my-proj.iam.gserviceaccount.com' };

interface Push {
  data?: string | Uint8Array;
  attributes?: Record<string, string>;
  subscription?: string;
  deliveryAttempt?: number;
  orderingKey?: string;
}

const wrap = ({ data = '', attributes, subscription = SUBSCRIPTION, orderingKey, ...rest }: Push): string =>
  JSON.stringify({
    message: {
      data: Buffer.from(data).toString('base64'),
      messageId: '136969346945',
      message_id: '136969346945',
      publishTime: '2026-11-24T12:00:00.000Z',
      publish_time: '2026-11-24T12:00:00.000Z',
      ...(attributes === undefined ? {} : { attributes }),
      ...(orderingKey === undefined ? {} : { orderingKey }),
    },
    subscription,
    ...rest,
  });

describe.each(STREAMING_FORMS)('a push, %s', (form) => {
  let entry: Entry;
  let dead: { message: PubsubMessage; reason: CourierError }[];
  let rotated: string[];
  let opened: ObjectName[];
  /** Called instead of the next delivery. */
  let failure: CourierError | undefined;
  let deadLetterFailure: CourierError | undefined;

  const services = createEntryServices();
  beforeAll(async () => {
    entry = await startEntry(form, {
      services: {
        async authenticatePush(headers) {
          if (headers.get('authorization') !== 'Bearer push') throw new CourierError('token-invalid');
          return PUSHER;
        },
        mayPush: (caller, subscription) =>
          caller.sub === PUSHER.sub && subscription === SUBSCRIPTION
            ? { destinations: ['reports', 'archive'], sources: ['gs://reports/'] }
            : undefined,
        async openObject(name) {
          opened.push(name);
          const { bucket, object, generation = '7' } = name;
          if (bucket !== 'reports') throw new CourierError('source-not-found');
          return {
            ...bytesSource(Buffer.from('x'), 'text/csv'),
            name: object,
            identity: `gs://${bucket}/${object}#${generation}`,
          };
        },
        async deadLetter(message, reason) {
          if (deadLetterFailure !== undefined) throw deadLetterFailure;
          dead.push({ message, reason });
          return true;
        },
        secretRotated: (secret) => void rotated.push(secret),
        async deliver(delivery: Delivery) {
          if (failure !== undefined) throw failure;
          const receipt = await services.deliver(delivery);
          entry.services.delivered.push(...services.delivered.splice(0));
          return receipt;
        },
      },
    });
  });
  afterAll(() => entry.close());
  beforeEach(() => {
    dead = [];
    rotated = [];
    opened = [];
    failure = undefined;
    deadLetterFailure = undefined;
    entry.services.delivered.length = 0;
    entry.services.log.lines.length = 0;
  });

  const send = (body: string, headers: Record<string, string | undefined> = {}) =>
    entry.send({
      target: '/v1/pubsub',
      headers: { authorization: 'Bearer push', 'content-type': 'application/json', ...headers },
      body,
    });
  const push = (message: Push) => send(wrap(message));
  const only = () => {
    expect(entry.services.delivered).toHaveLength(1);
    const [delivered] = entry.services.delivered;
    if (delivered === undefined) throw new Error('nothing was delivered');
    return delivered;
  };

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
    expect(entry.services.delivered.at(-1)?.delivery.options.properties).toEqual(properties);
    const before = entry.services.delivered.length;
    await push({ data, attributes: { properties: '{"order":"1"}' } });
    await push({ data, attributes: { keepRevisionForever: 'false' } });
    expect(entry.services.delivered).toHaveLength(before);
  });

  test('without a type gets the type for its name', async () => {
    expect((await push({ data: Buffer.from('a,b'), attributes: { name: 'a.csv' } })).status).toBe(204);
    expect(only().delivery.source.mimeType).toBe('text/csv');
  });

  test('may deliver an empty file', async () => {
    expect((await push({ attributes: { name: 'empty' } })).status).toBe(204);
    expect(only().bytes).toHaveLength(0);
  });

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
    expect(opened).toEqual([{ bucket: 'reports', object: '2026/11/sales #5.csv', generation: '1767225600000001' }]);
    expect(only().delivery).toMatchObject({
      options: { name: 'sales #5.csv', path: '2026/11', destination: 'archive', onConflict: 'replace' },
      idempotencyKey: 'gs://reports/2026/11/sales #5.csv#1767225600000001',
    });
  });

  test.each(['OBJECT_DELETE', 'OBJECT_METADATA_UPDATE', 'OBJECT_ARCHIVE', 'something new'])(
    'of the event %s of an object is acknowledged and ignored',
    async (eventType) => {
      expect((await push({ attributes: { eventType, bucketId: 'reports', objectId: 'a' } })).status).toBe(204);
      expect([entry.services.delivered, dead, opened]).toEqual([[], [], []]);
    },
  );

  test.each(['SECRET_VERSION_ADD', 'SECRET_VERSION_DISABLE', 'SECRET_ROTATE'])(
    'of the event %s drops the cached secret',
    async (eventType) => {
      const secretId = 'projects/my-proj/secrets/drive-key';
      const attributes = { eventType, secretId, dataFormat: 'JSON_API_V1' };
      expect((await push({ data: '{"name":"projects/1/secrets/drive-key"}', attributes })).status).toBe(204);
      expect([rotated, dead]).toEqual([[secretId], []]);
    },
  );

  test('of a secret’s other events is ignored', async () => {
    const attributes = { eventType: 'TOPIC_CONFIGURED', secretId: 'projects/my-proj/secrets/drive-key' };
    expect((await push({ attributes })).status).toBe(204);
    expect([rotated, dead]).toEqual([[], []]);
  });

  test.each([
    ['attribute', { data: '{"name":"a","source":{"text":""}}', attributes: { idempotencyKey: 'k1' } }, 'k1'],
    ['field', { data: '{"name":"a","idempotencyKey":"k2","source":{"text":""}}' }, 'k2'],
    [
      'field, said twice',
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
      'message.data: is not base64.',
    ],
  ])('with %s fails permanently: published as a dead letter, then acknowledged', async (_, message, code, detail) => {
    const { status } = typeof message === 'string' ? await send(message) : await push(message);
    expect(status).toBe(204);
    expect(entry.services.delivered).toHaveLength(0);
    expect(dead).toHaveLength(1);
    expect(dead[0]?.reason.code).toBe(code);
    expect(dead[0]?.reason.detail).toContain(detail);
    expect(dead[0]?.message.subscription).toBe(SUBSCRIPTION);
    expect(entry.services.log.lines.filter((line) => line.startsWith('error message given up'))).toHaveLength(1);
  });

  test('of an object with a name of 1,024 bytes, in segments that Drive accepts, is delivered', async () => {
    const objectId = `${'d'.repeat(255)}/${'e'.repeat(255)}/${'f'.repeat(255)}/x/${'g'.repeat(250)}.csv`;
    expect(objectId).toHaveLength(1024);
    expect((await push({ attributes: { eventType: 'OBJECT_FINALIZE', bucketId: 'reports', objectId } })).status).toBe(
      204,
    );
    expect(only().delivery.options.name).toBe(`${'g'.repeat(250)}.csv`);
  });

  const notify = (objectId: string) =>
    push({ attributes: { eventType: 'OBJECT_FINALIZE', bucketId: 'reports', objectId } });

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
    expect([entry.services.delivered, dead, opened]).toEqual([[], [], []]);
    const lines = entry.services.log.lines.filter((line) => line.includes('message ignored'));
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
    expect(dead).toEqual([]);
    expect(only().delivery.options).toMatchObject({ path, name });
    // Cloud Storage is asked for the unmodified name.
    expect(opened[0]?.object).toBe(objectId);
  });

  test('of an object with one long segment is delivered under a unique shorter name', async () => {
    const names: string[] = [];
    for (const ending of ['1', '2']) {
      expect((await notify(`${'o'.repeat(1000)}${ending}.csv`)).status).toBe(204);
      names.push(only().delivery.options.name);
      entry.services.delivered.length = 0;
    }
    expect(dead).toEqual([]);
    for (const name of names) expect(name).toMatch(/^o{242}~[0-9a-f]{8}\.csv$/);
    expect(new Set(names).size).toBe(2);
  });

  test('of an object in more folders than a path allows is delivered', async () => {
    expect((await notify(`${'d/'.repeat(40)}a.csv`)).status).toBe(204);
    expect(only().delivery.options).toMatchObject({ path: `${'d/'.repeat(31)}d${'_d'.repeat(8)}`, name: 'a.csv' });
  });

  /** The codes that the message itself causes. All others have external causes and are retried. */
  const GIVEN_UP: readonly string[] = [
    ...['request-invalid', 'name-invalid', 'path-invalid', 'range-unsupported', 'digest-malformed', 'digest-mismatch'],
    ...['token-missing', 'token-invalid', 'token-expired', 'token-audience'],
    ...[
      'caller-not-allowed',
      'destination-forbidden',
      'query-not-found',
      'not-found',
      'method-not-allowed',
      'length-required',
    ],
    ...['too-large', 'media-type-unsupported', 'name-taken', 'upload-incomplete'],
    ...['idempotency-key-reused', 'conversion-refused'],
  ];
  const CODES = Object.keys(ERRORS) as ErrorCode[];
  test.each(CODES)('whose delivery fails with %s is acknowledged as the table of errors specifies', async (code) => {
    const forGood = GIVEN_UP.includes(code);
    failure = new CourierError(code, { detail: 'as the test wants' });
    const { status, json, headers } = await push({ data: '{"name":"a","source":{"text":""}}' });
    expect([status, dead.length]).toEqual(forGood ? [204, 1] : [503, 0]);
    if (forGood) return;
    expect(json).toMatchObject({ status: 503, code });
    expect(Number(headers['retry-after'])).toBeGreaterThan(0);
  });

  test.each([
    ['that vanished', 'source-not-found', { data: '{"source":{"gcs":"gs://elsewhere/a"}}' }],
    [
      'overwritten since',
      'source-not-found',
      { attributes: { eventType: 'OBJECT_FINALIZE', bucketId: 'elsewhere', objectId: 'a', objectGeneration: '1' } },
    ],
  ])('of an object %s is retried, subject to Pub/Sub’s own policy', async (_, code, message) => {
    const { status, json } = await push(message);
    expect([status, json.code, dead.length]).toEqual([503, code, 0]);
  });

  test('that cannot be published as a dead letter is retried', async () => {
    deadLetterFailure = new CourierError('google-unavailable');
    const { status, json } = await push({ data: 'hello' });
    expect([status, json.code]).toEqual([503, 'google-unavailable']);
  });

  test('logs its attempt and ordering key', async () => {
    await push({ data: '{"name":"a","source":{"text":""}}', deliveryAttempt: 5, orderingKey: 'customer-1' });
    expect(only().delivery.options.name).toBe('a');
    const [line] = entry.services.log.lines.filter((text) => text.startsWith('info message created'));
    expect(line).toContain('"deliveryAttempt":5');
    expect(line).toContain('"orderingKey":"customer-1"');
    expect(line).toContain(`"origin":"${SUBSCRIPTION}"`);
    expect(line).toContain(`"requestId":"${only().delivery.requestId}"`);
  });

  test.each([
    ['without a token', undefined, 401],
    ['with another token', 'Bearer good', 401],
  ])('%s is rejected before it is read', async (_, authorization, expected) => {
    const { status } = await send('{', { authorization });
    expect(status).toBe(expected);
    expect([entry.services.delivered, dead]).toEqual([[], []]);
    expect(entry.services.log.lines).toEqual([expect.stringMatching(/^warn POST \/v1\/pubsub 401 token-invalid /)]);
  });

  test('of another subscription is forbidden to this account, whatever it contains', async () => {
    for (const data of ['{"name":"a","source":{"text":""}}', 'hello']) {
      const { status, json } = await push({ data, subscription: 'projects/my-proj/subscriptions/other' });
      expect([status, json.code]).toEqual([403, 'caller-not-allowed']);
    }
    expect([entry.services.delivered, dead, opened]).toEqual([[], [], []]);
    const warning = expect.stringMatching(/^warn POST \/v1\/pubsub 403 caller-not-allowed /);
    expect(entry.services.log.lines).toEqual([warning, warning]);
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
    ['no message id', '{"message":{"data":""},"subscription":"projects/my-proj/subscriptions/exports"}', 'messageId'],
    ['no subscription', '{"message":{"data":"","messageId":"1"}}', 'subscription'],
  ])('that is %s is rejected and retried: a wrong setup loses nothing', async (_, body, detail) => {
    const { status, json } = await send(body);
    expect([status, json.code]).toEqual([400, 'request-invalid']);
    expect(json.detail).toContain(detail);
    expect(dead).toHaveLength(0);
  });
});
