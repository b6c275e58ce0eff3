import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { SUBSCRIPTION } from '../../local/google/world/names.ts';
import { createLoopProbe, type LoopProbe, smallestOf } from '../support/processes/loop-delay.ts';
import { type PushWorld, startPushWorld } from '../support/courier/push-world.ts';
import { type CourierRequest, hostile, PIECES, push, INPUT_PLACES } from './blocking/inputs.ts';

const TIMEOUT_MS = 240_000;
const MAX_BLOCKED_MS = 50;
const SEED = 20_261_128;
const DATA_BYTES = 9_000_000;
const BROKEN_BYTES = 1_200_000;

describe('no input blocks the event loop', () => {
  let world: PushWorld;
  let probe: LoopProbe;
  let exporter: string;

  const send = async ({ path = '/v1/files?name=a', headers = {}, body }: CourierRequest): Promise<number> => {
    const token = path === '/v1/pubsub' ? world.token() : exporter;
    const answer = await fetch(`${world.courier().url}${path}`, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}`, ...headers },
      ...(body === undefined ? {} : { body }),
    });
    await answer.arrayBuffer();
    return answer.status;
  };

  /** The longest turn of the event loop while these are handled, in milliseconds of its own processor time. */
  const blockedBy = async (requests: readonly CourierRequest[]): Promise<number> => {
    await probe.reset(world.courier().child);
    for (const request of requests) expect(await send(request)).not.toBe(500);
    return (await probe.read()).busyMs;
  };

  const expectQuick = async (requests: readonly CourierRequest[]): Promise<void> => {
    expect(await smallestOf(MAX_BLOCKED_MS, () => blockedBy(requests))).toBeLessThan(MAX_BLOCKED_MS);
  };

  beforeAll(async () => {
    probe = createLoopProbe();
    world = await startPushWorld({ subscription: SUBSCRIPTION, env: probe.env() });
    exporter = world.google.world.idToken({
      email: world.google.world.emails.exporter,
      audience: 'https://drive-courier.example',
    });
    // What is loaded and compiled on first use remains from now on.
    for (const [, , requestWith] of INPUT_PLACES) await send(requestWith('x'));
  }, TIMEOUT_MS);
  afterAll(async () => {
    await world?.close();
    probe.close();
  });

  test.each(INPUT_PLACES)(
    '%s',
    async (_, length, requestWith) => {
      await expectQuick(hostile(length).map(requestWith));
    },
    TIMEOUT_MS,
  );

  test(
    'pieces in any order',
    async () => {
      const text = fc
        .array(fc.tuple(fc.constantFrom(...PIECES), fc.integer({ min: 1, max: 2_000 })), {
          minLength: 1,
          maxLength: 12,
        })
        .map((parts) => parts.map(([piece, times]) => piece.repeat(times)).join(''));
      const requests = fc
        .sample(fc.tuple(fc.constantFrom(...INPUT_PLACES), text), { seed: SEED, numRuns: 150 })
        .map(([[, length, requestWith], mixed]) =>
          requestWith(
            Buffer.from(mixed)
              .subarray(0, length)
              .toString()
              .replace(/\ufffd/g, ''),
          ),
        );
      await expectQuick(requests);
    },
    TIMEOUT_MS,
  );

  test.each([
    ['as much base64 as Pub/Sub takes', Buffer.alloc(DATA_BYTES).toString('base64')],
    ['signs of padding', '='.repeat(BROKEN_BYTES)],
    ['base64 with something else at its end', `${'A'.repeat(BROKEN_BYTES)}!`],
    ['line breaks', 'AAAA\r\n'.repeat(BROKEN_BYTES / 6)],
  ])(
    'large data of a message: %s',
    async (_, data) => {
      const name = createHash('sha256').update(data).digest('hex');
      await expectQuick([push({ data, attributes: { name } })]);
    },
    TIMEOUT_MS,
  );
});
