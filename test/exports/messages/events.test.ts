import { once } from 'node:events';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { cloudEvent } from '@google-cloud/functions-framework';
import { getTestServer } from '@google-cloud/functions-framework/testing';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { CourierError } from '../../../src/errors.ts';
import { bytesSource } from '../../../src/exports/sources/inline.ts';
import type { ObjectName } from '../../../src/exports/sources/object-name.ts';
import { createEventHandler } from '../../../src/pubsub/events.ts';
import type { PubsubMessage } from '../../../src/pubsub/message.ts';
import { createEntryServices } from '../../support/http/http-services.ts';

const PUBLISHED = 'google.cloud.pubsub.topic.v1.messagePublished';
const FINALIZED = 'google.cloud.storage.object.v1.finalized';
const TOPIC = '//pubsub.googleapis.com/projects/my-proj/topics/exports';
const BUCKET = '//storage.googleapis.com/projects/_/buckets/reports';

interface Event {
  type?: string;
  source?: string;
  data: unknown;
}

/** https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/bindings/http-protocol-binding.md */
const MODES = ['structured', 'binary'] as const;

let dead: { message: PubsubMessage; reason: CourierError }[] = [];
let opened: ObjectName[] = [];
let failure: Error | undefined;
let stopping = false;
const plain = createEntryServices();
const services = createEntryServices({
  eventGrant: { destinations: ['archive'], sources: ['gs://reports/'] },
  stopping: () => stopping,
  async openObject(name) {
    opened.push(name);
    const identity = `gs://${name.bucket}/${name.object}#${name.generation}`;
    return { ...bytesSource(Buffer.from('x'), 'text/csv'), name: name.object, identity };
  },
  async deadLetter(message, reason) {
    dead.push({ message, reason });
    return true;
  },
  async deliver(delivery) {
    if (failure !== undefined) throw failure;
    return plain.deliver(delivery);
  },
});

let server: Server;
let url = '';
beforeAll(async () => {
  const onEvent = createEventHandler(services);
  cloudEvent('courierEvent', (event: unknown) => onEvent(event));
  server = getTestServer('courierEvent');
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
});
afterAll(() => new Promise((resolve) => server.close(resolve)));

const printed: string[] = [];
beforeEach(() => {
  dead = [];
  opened = [];
  failure = undefined;
  stopping = false;
  plain.delivered.length = 0;
  printed.length = 0;
  jest.spyOn(console, 'error').mockImplementation((...line) => void printed.push(line.join(' ')));
});
afterEach(() => void jest.restoreAllMocks());

const send = (mode: (typeof MODES)[number], { type = PUBLISHED, source = TOPIC, data }: Event): Promise<Response> => {
  const context = { specversion: '1.0', type, source, id: '42', time: '2026-11-24T12:00:00Z' };
  if (mode === 'structured') {
    const headers = { 'content-type': 'application/cloudevents+json; charset=utf-8' };
    const body = JSON.stringify({ ...context, datacontenttype: 'application/json', data });
    return fetch(url, { method: 'POST', headers, body });
  }
  const headers = Object.fromEntries(Object.entries(context).map(([name, value]) => [`ce-${name}`, value]));
  const body = JSON.stringify(data);
  return fetch(url, { method: 'POST', headers: { ...headers, 'content-type': 'application/json' }, body });
};

const message = (text: string, attributes?: Record<string, string>) => ({
  message: {
    data: Buffer.from(text).toString('base64'),
    messageId: '136969346945',
    publishTime: '2026-11-24T12:00:00Z',
    ...(attributes === undefined ? {} : { attributes }),
  },
  subscription: 'projects/my-proj/subscriptions/eventarc-courier-sub-1',
});

describe.each(MODES)('a CloudEvent in %s mode', (mode) => {
  test('about a published message does what the message requests', async () => {
    const { status } = await send(mode, { data: message('{"name":"a.txt","source":{"text":"hi"}}') });
    expect(status).toBe(204);
    expect(plain.delivered.map(({ bytes }) => bytes.toString())).toEqual(['hi']);
    expect(plain.delivered[0]?.delivery).toMatchObject({
      caller: { sub: 'event:projects/my-proj/topics/exports' },
      allowedDestinations: ['archive'],
      options: { name: 'a.txt' },
      idempotencyKey: 'projects/my-proj/subscriptions/eventarc-courier-sub-1/136969346945',
    });
  });

  test('about a finalized object exports the object', async () => {
    const data = { bucket: 'reports', name: '2026/11/a.csv', generation: '1767225600000001', size: '1' };
    expect((await send(mode, { type: FINALIZED, source: BUCKET, data })).status).toBe(204);
    expect(opened).toEqual([{ bucket: 'reports', object: '2026/11/a.csv', generation: '1767225600000001' }]);
    expect(plain.delivered[0]?.delivery).toMatchObject({
      caller: { sub: 'event:projects/_/buckets/reports' },
      options: { name: 'a.csv', path: '2026/11' },
      idempotencyKey: 'gs://reports/2026/11/a.csv#1767225600000001',
    });
  });

  test.each<[string, Event, string]>([
    ['a message that is no document', { data: message('hello') }, 'request-invalid'],
    ['a message without an id', { data: { message: { data: '' } } }, 'request-invalid'],
    ['data that are no message', { data: { bucket: 'reports' } }, 'request-invalid'],
    ['an object without a name', { type: FINALIZED, data: { bucket: 'reports' } }, 'request-invalid'],
    ['a type that is not taken', { type: 'google.cloud.storage.object.v1.deleted', data: {} }, 'request-invalid'],
  ])('with %s is dead-lettered and acknowledged', async (_, event, code) => {
    expect((await send(mode, event)).status).toBe(204);
    expect(dead.map(({ reason }) => reason.code)).toEqual([code]);
    expect(plain.delivered).toEqual([]);
  });

  test.each(['a/', '../a', 'a/./b'])('of the object %j is ignored and acknowledged', async (name) => {
    expect((await send(mode, { type: FINALIZED, data: { bucket: 'reports', name } })).status).toBe(204);
    expect([plain.delivered, dead]).toEqual([[], []]);
  });

  test('of the object "a//b.csv" is delivered', async () => {
    expect((await send(mode, { type: FINALIZED, data: { bucket: 'reports', name: 'a//b.csv' } })).status).toBe(204);
    expect(plain.delivered.map(({ delivery }) => delivery.options)).toMatchObject([{ path: 'a', name: 'b.csv' }]);
  });

  test.each([
    ['a passing fault', new CourierError('drive-unavailable', { detail: 'ya29.secret' }), 'drive-unavailable'],
    [
      'a fault of the set-up',
      new CourierError('folder-not-found', { cause: new Error('ya29.secret') }),
      'folder-not-found',
    ],
    ['a fault of the courier', new Error('ya29.secret'), 'internal'],
  ])('that meets %s is retried, and reveals only its code', async (_, error, code) => {
    failure = error;
    const answer = await send(mode, { data: message('{"name":"a","source":{"text":""}}') });
    expect(answer.status).toBe(500);
    const text = await answer.text();
    expect(text).toContain(`${code}: `);
    expect(text + printed.join('\n')).not.toContain('ya29');
    expect(dead).toEqual([]);
  });

  test('that arrives during shutdown is retried', async () => {
    stopping = true;
    expect((await send(mode, { data: message('{"name":"a","source":{"text":""}}') })).status).toBe(500);
    expect([plain.delivered, dead]).toEqual([[], []]);
  });
});

test('a raw push, which the framework converts to a legacy event, is not lost', async () => {
  const body = JSON.stringify({ ...message('{"name":"a","source":{"text":"hi"}}') });
  const answer = await fetch(url, { method: 'POST', headers: { 'content-type': 'application/json' }, body });
  expect(answer.status).toBe(204);
  expect(plain.delivered.map(({ bytes }) => bytes.toString())).toEqual(['hi']);
});

test('a dead letter of an object can be republished unchanged', async () => {
  failure = new CourierError('conversion-refused');
  await send('binary', { type: FINALIZED, source: BUCKET, data: { bucket: 'reports', name: 'a.csv', generation: 5 } });
  expect(dead[0]?.message.attributes).toEqual({
    eventType: 'OBJECT_FINALIZE',
    bucketId: 'reports',
    objectId: 'a.csv',
    objectGeneration: '5',
  });
});
