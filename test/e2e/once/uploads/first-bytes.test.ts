import { hash } from 'node:crypto';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import type { CourierProcess } from '../../../../local/courier-process.ts';
import { waitUntil } from '../../../bad-days/bad-day.ts';
import { type CourierWorld, startCourierWorld } from '../../../support/courier/courier-world.ts';

/** A key belongs to its first bytes: other bytes are rejected while the first attempt runs and forever after. */

const TIMEOUT_MS = 120_000;
const RULES = ['new', 'replace', 'skip', 'fail'];
const SIZES = { small: 1_000, large: 6_000_000 };
const OTHER = { status: 422, code: 'idempotency-key-reused' };

let world: CourierWorld;
let courier: CourierProcess;
beforeAll(async () => {
  world = await startCourierWorld(({ places, world: { emails } }) => ({
    default: { folder: places.sharedDriveFolder, share: [{ type: 'group', email: emails.sales, role: 'reader' }] },
  }));
  courier = await world.start();
}, TIMEOUT_MS);
afterEach(() => world.google.faults.clear());
afterAll(() => world?.close());

const filesNamed = (name: string) => world.google.drive.files().filter((file) => file.name === name);

describe.each(Object.entries(SIZES))('a %s file', (kind, size) => {
  const [first, other] = [Buffer.alloc(size, 'a'), Buffer.alloc(size, 'b')];
  const sendingOf = (name: string, onConflict: string) => ({ key: `key-${name}`, query: { name, onConflict } });

  test(
    'that exists without a recorded receipt: other bytes are rejected, under any rule',
    async () => {
      // Sharing happens between the upload and the recording of the receipt.
      world.google.faults.add({ method: 'POST', path: '*/permissions', fault: { kind: 'delay', ms: 2_500 } });
      const all = RULES.map((rule) => sendingOf(`sharing-${kind}-${rule}`, rule));
      const names = all.map(({ query }) => query.name);
      const firsts = all.map((sending) => world.send(courier, first, sending));
      const ended = Promise.all(firsts);
      await waitUntil(() => names.every((name) => filesNamed(name).length === 1));
      const others = await Promise.all(all.map((sending) => world.send(courier, other, sending)));
      expect(others.map(({ status, code }) => ({ status, code }))).toEqual(RULES.map(() => OTHER));

      const sha256 = hash('sha256', first);
      const made = await ended;
      for (const [at, { status, receipt }] of made.entries()) {
        expect({ status, ...receipt }).toMatchObject({ status: 201, name: names[at], outcome: 'created', sha256 });
        expect(receipt.warnings).toBeUndefined();
        expect(filesNamed(receipt.name)).toMatchObject([{ id: receipt.id, sha256, size, revisions: 1 }]);
      }
    },
    TIMEOUT_MS,
  );

  test.each(RULES)(
    'that was delivered (onConflict %s): other bytes are rejected, and the first ones return the receipt again',
    async (rule) => {
      const name = `delivered-${kind}-${rule}`;
      const sending = sendingOf(name, rule);
      const { receipt } = await world.send(courier, first, sending);
      expect(receipt).toMatchObject({ outcome: 'created', sha256: hash('sha256', first) });
      expect(await world.send(courier, other, sending)).toMatchObject(OTHER);
      expect(await world.send(courier, Buffer.alloc(size + 1, 'a'), sending)).toMatchObject(OTHER);
      const again = await world.send(courier, first, sending);
      expect(again).toMatchObject({ status: 200, receipt: { ...receipt, outcome: 'replayed' } });
      expect(filesNamed(name)).toMatchObject([{ id: receipt.id, sha256: hash('sha256', first), revisions: 1 }]);
    },
    TIMEOUT_MS,
  );

  test(
    'that has replaced another one: other bytes are rejected, and the file stays as it is',
    async () => {
      const name = `replacing-${kind}`;
      const { receipt: former } = await world.send(courier, 'former', { query: { name } });
      const sending = sendingOf(name, 'replace');
      const { id } = former;
      const sha256 = hash('sha256', first);
      const replaced = await world.send(courier, first, sending);
      expect(replaced).toMatchObject({ status: 200, receipt: { id, outcome: 'replaced', sha256 } });
      expect(await world.send(courier, other, sending)).toMatchObject(OTHER);
      expect(await world.send(courier, first, sending)).toMatchObject({ receipt: { id, outcome: 'replayed', sha256 } });
      expect(filesNamed(name)).toMatchObject([{ id, sha256, revisions: 2 }]);
    },
    TIMEOUT_MS,
  );

  test(
    'whose upload succeeded while its response was lost: other bytes are rejected, under any rule',
    async () => {
      for (const rule of RULES) {
        const name = `unanswered-${kind}-${rule}`;
        const method = kind === 'large' ? 'PUT' : '*';
        // The retry delay exceeds what the courier waits within a request, so the first attempt ends without a result.
        const unavailable = { kind: 'status', status: 503, retryAfterSeconds: 600 } as const;
        world.google.faults.add([
          { method, path: '/upload/*', nth: 1, fault: { kind: 'answer-lost' } },
          { method, path: '/upload/*', nth: 2, fault: unavailable },
        ]);
        const sending = sendingOf(name, rule);
        expect(await world.send(courier, first, sending)).toMatchObject({ status: 503, code: 'drive-unavailable' });
        world.google.faults.clear();
        expect(filesNamed(name)).toMatchObject([{ sha256: hash('sha256', first) }]);
        expect([rule, await world.send(courier, other, sending)]).toMatchObject([rule, OTHER]);
        const again = await world.send(courier, first, sending);
        const [file] = filesNamed(name);
        expect(again).toMatchObject({ status: 200, receipt: { id: file?.id, sha256: hash('sha256', first) } });
        expect(filesNamed(name)).toMatchObject([{ sha256: hash('sha256', first), revisions: 1 }]);
      }
    },
    TIMEOUT_MS,
  );
});
