import { afterAll, expect, test } from '@jest/globals';
import { startPubsubEmulator } from '../../../local/demo/pubsub-emulator.ts';
import { createSubscriptionReader } from '../../../src/doctor/subscription/state.ts';

const started = await startPubsubEmulator();
if ('missing' in started) {
  console.warn(`SKIPPED: what needs Google's Pub/Sub emulator, because ${started.missing}.`);
}
const emulator = 'missing' in started ? undefined : started;
afterAll(() => emulator?.stop());

(emulator === undefined ? test.skip : test)(
  'the doctor reads a subscription from Google’s own emulator, and finds none of another name',
  async () => {
    const endpoint = 'http://127.0.0.1:9/v1/pubsub';
    const name = (await emulator?.subscribe('exports', 'exports-push', endpoint)) ?? '';
    const readSubscription = createSubscriptionReader(
      {
        transport: {
          async send({ url, method }) {
            const { pathname } = new URL(url);
            const response = await fetch(`${emulator?.url}${pathname}`, { method });
            const body = Buffer.from(await response.arrayBuffer());
            return { status: response.status, headers: {}, body };
          },
        },
        runtime: { token: async () => 'token', email: async () => undefined },
      },
      Date.now() + 30_000,
    );
    const seen = await readSubscription(name);
    expect(seen).toMatchObject({
      topic: 'projects/local-project/topics/exports',
      pushConfig: { pushEndpoint: endpoint },
      ackDeadlineSeconds: 600,
      detached: false,
    });
    expect(seen).not.toHaveProperty('deadLetterPolicy');
    expect(await readSubscription(`${name}-2`)).toBe('missing');
  },
  60_000,
);
