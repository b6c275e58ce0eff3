import { afterEach, describe, expect, test } from '@jest/globals';
import type { Delivery } from '../../src/domain.ts';
import { CourierError } from '../../src/errors.ts';
import type { HttpDependencies } from '../../src/http/dependencies.ts';
import { createDocumentMemory } from '../../src/http/document-memory.ts';
import type { PubsubMessage } from '../../src/pubsub/message.ts';
import { type Entry, startEntry } from '../support/http/http-forms.ts';
import { createEntryServices } from '../support/http/http-services.ts';

const SUBSCRIPTION = 'projects/my-proj/subscriptions/exports';
const body = JSON.stringify({
  message: { data: Buffer.from('{"name":"a","source":{"text":""}}').toString('base64'), messageId: '1' },
  subscription: SUBSCRIPTION,
});

/** A promise and the function that resolves it. */
const gate = (): { opened: Promise<void>; open(): void } => {
  let open = (): void => undefined;
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { opened, open };
};

describe('pushes to one instance', () => {
  let entry: Entry;
  const dead: PubsubMessage[] = [];
  const plain = createEntryServices();
  const start = async (services: Partial<HttpDependencies>): Promise<void> => {
    entry = await startEntry('HTTP/1.1', {
      services: {
        authenticatePush: async () => ({ sub: '2', email: 'pubsub-push@my-proj.iam.gserviceaccount.com' }),
        mayPush: () => ({ destinations: ['reports'], sources: [] }),
        deadLetter: async (message) => dead.push(message) > 0,
        ...services,
      },
    });
  };
  afterEach(() => entry.close());
  const push = () => entry.send({ target: '/v1/pubsub', headers: { 'content-type': 'application/json' }, body });

  test('are accepted up to the limit of concurrent deliveries; the next one is retried', async () => {
    const begun = gate();
    const end = gate();
    await start({
      concurrentUploads: 1,
      async deliver(delivery: Delivery) {
        begun.open();
        await end.opened;
        return plain.deliver(delivery);
      },
    });
    const first = push();
    await begun.opened;
    const second = await push();
    expect([second.status, second.json.code, second.json.retryable]).toEqual([503, 'busy', true]);
    expect(Number(second.headers['retry-after'])).toBeGreaterThan(0);
    end.open();
    expect((await first).status).toBe(204);
    expect((await push()).status).toBe(204);
  });

  test('of one subscription leave capacity for those of another, although one account pushes for both', async () => {
    const end = gate();
    let begun = 0;
    await start({
      concurrentUploads: 2,
      async deliver(delivery: Delivery) {
        begun += 1;
        if (delivery.idempotencyKey?.startsWith(SUBSCRIPTION)) await end.opened;
        return plain.deliver(delivery);
      },
    });
    const pushFor = (subscription: string, id: string) =>
      entry.send({
        target: '/v1/pubsub',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ ...JSON.parse(body), subscription }).replace('"messageId":"1"', `"messageId":"${id}"`),
      });
    const held = [pushFor(SUBSCRIPTION, '1'), pushFor(SUBSCRIPTION, '2')];
    while (begun < 2) await new Promise((resolve) => setImmediate(resolve));
    expect((await pushFor(SUBSCRIPTION, '3')).json.code).toBe('busy');
    expect((await pushFor('projects/my-proj/subscriptions/others', '4')).status).toBe(204);
    end.open();
    expect((await Promise.all(held)).map(({ status }) => status)).toEqual([204, 204]);
  });

  test('have at most nine minutes, even if the request timeout is longer', async () => {
    const deadlines: number[] = [];
    await start({
      requestSeconds: 3600,
      deliver(delivery: Delivery) {
        deadlines.push(delivery.deadlineMs - Date.now());
        return plain.deliver(delivery);
      },
    });
    await push();
    expect(deadlines[0]).toBeLessThanOrEqual(540_000);
    expect(deadlines[0]).toBeGreaterThan(500_000);
  });

  test('that exceed their deadline are retried after any error, because the message did not cause it', async () => {
    await start({
      requestSeconds: 1,
      async deliver({ signal }: Delivery) {
        await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
        throw new CourierError('name-taken');
      },
    });
    const { status, json } = await push();
    expect([status, json.code, dead]).toEqual([503, 'drive-unavailable', []]);
  });
});

test('concurrent documents share memory by received bytes, and each caller leaves some to others', async () => {
  const memory = createDocumentMemory(100);
  const end = gate();
  const held = memory.hold('a', 100, async (lease) => {
    lease.take(100);
    await end.opened;
  });
  await expect(memory.hold('a', undefined, async (lease) => lease.take(1))).rejects.toMatchObject({ code: 'busy' });
  // A document that does not fit is rejected by its announced length, before a byte is read.
  await expect(memory.hold('b', 26, async () => undefined)).rejects.toMatchObject({ code: 'busy', status: 429 });
  await expect(memory.hold('b', undefined, async (lease) => lease.take(20))).resolves.toBeUndefined();
  end.open();
  await held;
  // Announced bytes that have not arrived reserve no memory.
  await memory.hold('a', 100, () =>
    memory.hold('a', 100, () => memory.hold('b', 100, async (lease) => lease.take(100))),
  );
});
