import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { PROJECT, startPubsubEmulator } from '../../../local/demo/pubsub-emulator.ts';
import { type SigningRelay, startSigningRelay } from '../../../local/demo/signing-relay.ts';
import { type PushWorld, startPushWorld } from '../../support/courier/push-world.ts';

const started = await startPubsubEmulator();
if ('missing' in started) {
  console.warn(`SKIPPED: what needs Google's Pub/Sub emulator, because ${started.missing}.`);
}
const emulator = 'missing' in started ? undefined : started;
const TIMEOUT_MS = 120_000;

/** Polls until the condition holds: the emulator pushes at times of its own. */
const until = async (isSo: () => boolean): Promise<void> => {
  for (const endMs = Date.now() + 60_000; !isSo(); ) {
    if (Date.now() > endMs) throw new Error('it has not come to be in a minute');
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
};

// Google's own emulator pushes, retries and paces. It sends no token and counts no attempts. The relay adds both, and
// nothing else.
(emulator === undefined ? describe.skip : describe)('Google’s own Pub/Sub emulator', () => {
  let world: PushWorld;
  let relay: SigningRelay;
  beforeAll(async () => {
    world = await startPushWorld({ subscription: `projects/${PROJECT}/subscriptions/exports-push` });
    relay = await startSigningRelay({ target: () => `${world.courier().url}/v1/pubsub`, token: world.token });
    await emulator?.subscribe('exports', 'exports-push', relay.url);
  }, TIMEOUT_MS);
  afterEach(() => world.google.faults.clear());
  afterAll(async () => {
    await emulator?.stop();
    await relay?.close();
    await world?.close();
  });

  const publish = async (message: { data?: string | object; attributes?: Record<string, string> }): Promise<string> => {
    const { data = '', ...rest } = message;
    const text = typeof data === 'object' ? JSON.stringify(data) : data;
    const ids = await emulator?.publish('exports', [{ ...rest, data: text }]);
    return ids?.[0] ?? '';
  };
  const statusesOf = (id: string) =>
    relay.pushes.filter(({ messageId }) => messageId === id).map(({ status }) => status);
  const untilAcknowledged = (id: string) => until(() => statusesOf(id).at(-1) === 204);

  test(
    'pushes of export documents, named files and notifications become files',
    async () => {
      const { url, sha256 } = await world.putObject('sales/2026.csv', Buffer.from('a,b\r\n1,2\r\n'));
      const [, objectGeneration = ''] = url.split('#');
      const ids = [
        await publish({
          data: { name: 'rows.csv', path: 'by/push', source: { rows: [{ name: 'Zürich', sum: '=1+1' }] } },
        }),
        await publish({ data: 'plain bytes', attributes: { name: 'named.txt', mimeType: 'text/plain' } }),
        await publish({
          data: '{}',
          attributes: {
            eventType: 'OBJECT_FINALIZE',
            bucketId: world.google.bucket,
            objectId: 'sales/2026.csv',
            objectGeneration,
          },
        }),
      ];
      await Promise.all(ids.map(untilAcknowledged));
      expect(world.filesNamed('rows.csv')).toHaveLength(1);
      expect(world.filesNamed('named.txt')).toMatchObject([{ size: 11, mimeType: 'text/plain' }]);
      expect(world.filesNamed('2026.csv')).toMatchObject([{ sha256 }]);
    },
    TIMEOUT_MS,
  );

  test(
    'redelivers a message while Drive fails, and the file is created once Drive recovers',
    async () => {
      const refused = { kind: 'status', status: 503, retryAfterSeconds: 600 } as const;
      world.google.faults.add({ host: 'www.googleapis.com', path: '/upload/*', nth: [1, 2], fault: refused });
      const id = await publish({ data: { name: 'patience.txt', source: { text: 'at last' } } });
      await untilAcknowledged(id);
      expect(statusesOf(id)).toEqual([503, 503, 204]);
      expect(world.filesNamed('patience.txt')).toHaveLength(1);
      // The courier's output reaches this process shortly after its response.
      const third = (line: string): boolean =>
        line.includes(`"messageId":"${id}"`) && line.includes('"deliveryAttempt":3');
      await until(() => world.courier().lines.some(third));
    },
    TIMEOUT_MS,
  );

  test(
    'delivers a poison message once and dead-letters it, with its content and the reason',
    async () => {
      const id = await publish({ data: '{"name":"../x"}', attributes: { origin: 'nightly' } });
      await untilAcknowledged(id);
      expect(statusesOf(id)).toEqual([204]);
      const letter = world.google.pubsub.published.find(({ attributes }) => attributes.courierMessageId === id);
      expect(letter?.data.toString()).toBe('{"name":"../x"}');
      expect(letter?.attributes).toMatchObject({ origin: 'nightly', courierCode: expect.any(String) });
      expect(letter?.topic).toBe(world.google.topic);
    },
    TIMEOUT_MS,
  );

  test(
    'rejects an unsigned push without reading or creating anything',
    async () => {
      const before = world.google.drive.files().length;
      const body = JSON.stringify({
        message: { data: '', messageId: '1', attributes: { name: 'x' } },
        subscription: 'x',
      });
      const headers = { 'content-type': 'application/json' };
      const { status } = await fetch(`${world.courier().url}/v1/pubsub`, { method: 'POST', headers, body });
      expect([status, world.google.drive.files().length]).toEqual([401, before]);
    },
    TIMEOUT_MS,
  );
});
