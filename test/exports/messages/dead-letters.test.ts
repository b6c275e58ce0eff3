import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { type LocalGoogle, startLocalGoogle } from '../../../local/google/server.ts';
import { CourierError } from '../../../src/errors.ts';
import { createTransport } from '../../../src/google/create-transport.ts';
import { createDeadLetters } from '../../../src/pubsub/dead-letter.ts';
import type { PubsubMessage } from '../../../src/pubsub/message.ts';
import { createKeptLog } from '../../support/kept-log.ts';

const REASON = new CourierError('name-invalid', { detail: 'name is empty.' });
const message = (changes: Partial<PubsubMessage> = {}): PubsubMessage => ({
  id: '136969346945',
  data: Buffer.from([0, 255, 10]),
  attributes: { name: '', origin: 'nightly' },
  subscription: 'projects/my-proj/subscriptions/exports',
  deliveryAttempt: 2,
  orderingKey: undefined,
  ...changes,
});

describe('a dead letter', () => {
  let google: LocalGoogle;
  let bearer: string;
  beforeAll(async () => {
    google = await startLocalGoogle();
    bearer = google.world.accessToken(google.world.emails.runtime, ['https://www.googleapis.com/auth/cloud-platform']);
  });
  afterAll(() => google.close());
  beforeEach(() => google.faults.clear());

  const lettersTo = (topic: string | undefined) =>
    createDeadLetters({
      transport: createTransport({ googleOrigin: google.origin, sleep: async () => undefined, log: createKeptLog() }),
      token: async () => bearer,
      topic,
      log: createKeptLog(),
    });
  const published = () => {
    const last = google.pubsub.published.at(-1);
    if (last === undefined) throw new Error('nothing was published');
    return last;
  };

  test('has the original data and attributes, the reason and its origin', async () => {
    expect(await lettersTo(google.topic)(message({ orderingKey: 'customer-1' }), REASON)).toBe(true);
    expect(published()).toMatchObject({ topic: google.topic, orderingKey: 'customer-1' });
    expect(published().data).toEqual(Buffer.from([0, 255, 10]));
    expect(published().attributes).toEqual({
      name: '',
      origin: 'nightly',
      courierCode: 'name-invalid',
      courierDetail: 'name is empty.',
      courierMessageId: '136969346945',
      courierSubscription: 'projects/my-proj/subscriptions/exports',
    });
  });

  test('that was dead-lettered before carries the latest reason', async () => {
    const attributes = { courierCode: 'path-invalid', courierDetail: 'old', courierMessageId: '1' };
    await lettersTo(google.topic)(message({ attributes }), REASON);
    expect(published().attributes).toMatchObject({ courierCode: 'name-invalid', courierMessageId: '136969346945' });
  });

  test('stays within Pub/Sub’s limits: 100 attributes, 1,024 bytes a value, no reserved keys', async () => {
    const attributes = {
      googclient_traceparent: '00-1',
      ...Object.fromEntries(Array.from({ length: 100 }, (_, index) => [`key${index}`, 'ü'.repeat(512)])),
    };
    const reason = new CourierError('request-invalid', { detail: `x${'ü'.repeat(2_000)}` });
    expect(await lettersTo(google.topic)(message({ attributes }), reason)).toBe(true);
    const { courierDetail = '', ...others } = published().attributes;
    expect(Buffer.byteLength(courierDetail)).toBeGreaterThan(1_000);
    expect(courierDetail).toMatch(/^xü+…$/);
    expect(Object.keys(others).length).toBeGreaterThan(90);
  });

  test('without data or attributes still carries the reason', async () => {
    await lettersTo(google.topic)(message({ data: Buffer.alloc(0), attributes: {}, subscription: undefined }), REASON);
    expect(published().data).toHaveLength(0);
    expect(Object.keys(published().attributes)).toEqual(['courierCode', 'courierDetail', 'courierMessageId']);
  });

  test('whose data leave no room for the reason omits them and records that', async () => {
    google.faults.add({
      host: 'pubsub.googleapis.com',
      nth: 1,
      fault: { kind: 'status', status: 400, message: 'The value for message_size is too large.' },
    });
    await lettersTo(google.topic)(message({ data: Buffer.alloc(5_000_000) }), REASON);
    expect(published().data).toHaveLength(0);
    expect(published().attributes).toMatchObject({ courierCode: 'name-invalid', courierDataDropped: '5000000' });
  });

  test('is published with retries', async () => {
    google.faults.add({ host: 'pubsub.googleapis.com', nth: [1, 2], fault: { kind: 'status', status: 503 } });
    const before = google.pubsub.published.length;
    expect(await lettersTo(google.topic)(message(), REASON)).toBe(true);
    expect(google.pubsub.published).toHaveLength(before + 1);
  });

  test.each([
    ['does not exist', 'projects/local-project/topics/nowhere', '404'],
    ['may not be published to', 'projects/local-project/topics/closed', '403'],
  ])('whose topic %s fails, so that the message is redelivered', async (_, topic, status) => {
    google.pubsub.createTopic('projects/local-project/topics/closed', []);
    await expect(lettersTo(topic)(message(), REASON)).rejects.toMatchObject({
      code: 'google-unavailable',
      detail: `The dead-letter topic ${topic} did not accept the message (${status}).`,
      remedy: expect.stringContaining('roles/pubsub.publisher'),
    });
  });

  test('is not published if no topic is set', async () => {
    const before = google.pubsub.published.length;
    expect(await lettersTo(undefined)(message(), REASON)).toBe(false);
    expect(google.pubsub.published).toHaveLength(before);
  });
});
