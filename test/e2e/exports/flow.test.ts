import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { SUBSCRIPTION } from '../../../local/google/world/names.ts';
import { type PushWorld, startPushWorld } from '../../support/courier/push-world.ts';

const TIMEOUT_MS = 120_000;
const MEBIBYTE = 1_048_576;

/** The bytes sent to upload sessions, and how many sessions were opened. */
const uploads = ({ google }: PushWorld) => {
  const calls = google.calls.list({ host: 'www.googleapis.com', path: /\/upload\/drive\/v3\/files/ });
  const puts = calls.filter(({ method, requestBytes }) => method === 'PUT' && requestBytes > 0);
  return {
    opened: calls.filter(({ method }) => method === 'POST').length,
    bytes: puts.reduce((sum, { requestBytes }) => sum + requestBytes, 0),
    chunks: puts.length,
  };
};

describe('an export by push', () => {
  let world: PushWorld;
  beforeAll(async () => {
    world = await startPushWorld({ subscription: SUBSCRIPTION, limits: { requestSeconds: 6, bufferBytes: MEBIBYTE } });
  }, TIMEOUT_MS);
  afterEach(() => world.google.faults.clear());
  afterAll(() => world?.close());

  test(
    'that would exceed its deadline stops in time and resumes from Drive’s offset on redelivery',
    async () => {
      const bytes = randomBytes(16 * MEBIBYTE);
      const { url, sha256 } = await world.putObject('big.bin', bytes);
      world.google.calls.clear();
      // 16 MiB at this rate take about ten seconds. A push has six, minus the margin for its response.
      world.google.faults.add({
        host: 'www.googleapis.com',
        method: 'PUT',
        path: '/upload/*',
        fault: { kind: 'throttle', bytesPerSecond: 1_600_000 },
      });
      const statuses: number[] = [];
      while (statuses.at(-1) !== 204 && statuses.length < 20) {
        const startMs = Date.now();
        statuses.push(await world.push({ id: 'big', data: { source: { gcs: url } } }));
        expect(Date.now() - startMs).toBeLessThan(30_000);
      }
      expect(statuses.length).toBeGreaterThan(1);
      expect(new Set(statuses.slice(0, -1))).toEqual(new Set([503]));
      expect(statuses.at(-1)).toBe(204);
      expect(world.filesNamed('big.bin')).toMatchObject([{ size: bytes.length, sha256, revisions: 1 }]);
      const { opened, bytes: sent } = uploads(world);
      expect(opened).toBe(1);
      // Nothing that Drive had acknowledged was sent again, only what was in flight when each attempt stopped.
      expect(sent).toBeLessThan(bytes.length + statuses.length * MEBIBYTE);
    },
    TIMEOUT_MS,
  );

  test('that is delivered twice concurrently creates one file', async () => {
    const push = { id: 'twice', data: { name: 'twice.txt', source: { text: 'once' } } };
    expect(await Promise.all([world.push(push), world.push(push), world.push(push)])).toEqual([204, 204, 204]);
    expect(world.filesNamed('twice.txt')).toHaveLength(1);
  });

  test(
    'of a large object that is redelivered while still in progress creates one complete file',
    async () => {
      const bytes = randomBytes(12 * MEBIBYTE);
      const { url, sha256 } = await world.putObject('crowd.bin', bytes);
      world.google.faults.add({
        host: 'www.googleapis.com',
        method: 'PUT',
        path: '/upload/*',
        fault: { kind: 'throttle', bytesPerSecond: 3_000_000 },
      });
      /** The status of each delivery of the message until the first 204, with growing pauses between them as in Pub/Sub. */
      const pushUntilAcknowledged = async (delayMs: number): Promise<number[]> => {
        await sleep(delayMs);
        const statuses: number[] = [];
        while (statuses.at(-1) !== 204 && statuses.length < 20) {
          if (statuses.length > 0) await sleep(Math.min(6_000, (delayMs + 200) * statuses.length));
          statuses.push(await world.push({ id: 'crowd', data: { source: { gcs: url } } }));
        }
        return statuses;
      };
      const statuses = await Promise.all([
        pushUntilAcknowledged(0),
        pushUntilAcknowledged(1_000),
        pushUntilAcknowledged(2_000),
      ]);
      expect(statuses.map((each) => each.at(-1))).toEqual([204, 204, 204]);
      expect(world.filesNamed('crowd.bin')).toMatchObject([{ size: bytes.length, sha256, revisions: 1 }]);
    },
    TIMEOUT_MS,
  );

  test('of one object change under two message ids creates one file', async () => {
    const { url } = await world.putObject('in/change.csv', Buffer.from('a,b\r\n'));
    const [, objectGeneration = ''] = url.split('#');
    const attributes = {
      eventType: 'OBJECT_FINALIZE',
      bucketId: world.google.bucket,
      objectId: 'in/change.csv',
      objectGeneration,
    };
    expect(await world.push({ id: 'change-1', attributes })).toBe(204);
    expect(await world.push({ id: 'change-2', attributes })).toBe(204);
    expect(world.filesNamed('change.csv')).toHaveLength(1);
  });

  test('to a destination that its subscription may not write to is dead-lettered, even if its account may call there', async () => {
    const data = { name: 'other.txt', destination: 'other', source: { text: '' } };
    expect(await world.push({ id: 'other', data })).toBe(204);
    expect(world.filesNamed('other.txt')).toEqual([]);
    expect(world.google.pubsub.published.at(-1)?.attributes).toMatchObject({
      courierCode: 'destination-forbidden',
      courierMessageId: 'other',
      courierSubscription: SUBSCRIPTION,
    });
  });

  test('of an object that was overwritten since is never mixed with the new content', async () => {
    const { url } = await world.putObject('moving.csv', Buffer.from('old'));
    await world.putObject('moving.csv', Buffer.from('new'));
    expect(await world.push({ id: 'moving', data: { source: { gcs: url } } })).toBe(503);
    expect(world.filesNamed('moving.csv')).toEqual([]);
  });

  test('that is redelivered after its object was delivered and deleted is acknowledged', async () => {
    const { url } = await world.putObject('emptied.csv', Buffer.from('once'));
    const data = { path: 'emptied', source: { gcs: url } };
    expect(await world.push({ id: 'emptied-1', data })).toBe(204);
    await world.google.storage.deleteObject(world.google.bucket, 'emptied.csv');
    expect(await world.push({ id: 'emptied-2', data })).toBe(204);
    expect(world.filesNamed('emptied.csv')).toHaveLength(1);
  });

  test('of an object that was deleted before delivery is retried, and does not even create a folder', async () => {
    const { url } = await world.putObject('vanished.csv', Buffer.from('never'));
    await world.google.storage.deleteObject(world.google.bucket, 'vanished.csv');
    const data = { path: 'vanished', convertTo: 'sheet', source: { gcs: url } };
    expect(await world.push({ id: 'vanished', data })).toBe(503);
    expect([...world.filesNamed('vanished.csv'), ...world.filesNamed('vanished')]).toEqual([]);
  });

  test('of an object that is read in several ranges after broken reads is complete', async () => {
    const bytes = randomBytes(7 * MEBIBYTE);
    const { url, sha256 } = await world.putObject('broken.bin', bytes);
    world.google.faults.add({
      host: 'storage.googleapis.com',
      query: { alt: 'media' },
      nth: [1, 2],
      fault: { kind: 'answer-cut', afterBytes: 2 * MEBIBYTE },
    });
    expect(await world.push({ id: 'broken', data: { source: { gcs: url } } })).toBe(204);
    expect(world.filesNamed('broken.bin')).toMatchObject([{ sha256 }]);
  });
});
