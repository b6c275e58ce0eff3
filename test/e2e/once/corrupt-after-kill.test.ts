import { createHash } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { CourierProcess } from '../../../local/courier-process.ts';
import { waitUntil } from '../../bad-days/bad-day.ts';
import { type CourierWorld, startCourierWorld } from '../../support/courier/courier-world.ts';
import { startFirestoreEmulator } from '../../support/firestore-emulator.ts';

/** Drive corrupts a byte, and the process is killed before it can verify it. The next attempt must detect that. */

const emulator = await startFirestoreEmulator();
const TIMEOUT_MS = 180_000;
const PUT = { method: 'PUT', path: '/upload/*' } as const;
const HELD = { kind: 'delay', ms: 600_000 } as const;
const RULES = ['new', 'replace'];
const BYTES = Buffer.alloc(6_000_000, 'a');
const SHA256 = createHash('sha256').update(BYTES).digest('hex');

/** Past the end of any lease of the killed process, so that the test need not wait for it. */
const CLOCK_JUMP_MS = 60_000;
const PRELOAD = fileURLToPath(new URL('../../bad-days/shifted-clock.mjs', import.meta.url));

let world: CourierWorld;
beforeAll(async () => {
  world = await startCourierWorld(({ places }) => ({ default: { folder: places.sharedDriveFolder } }));
}, TIMEOUT_MS);
afterAll(async () => {
  await world?.close();
  await emulator?.stop();
});

const start = (): Promise<CourierProcess> =>
  world.start({
    ledger: { firestore: { project: 'local-project', collection: 'corrupt-after-kill' } },
    env: {
      FIRESTORE_EMULATOR_HOST: emulator?.host ?? '',
      NODE_OPTIONS: `--import=${PRELOAD}`,
      CLOCK_JUMP_MS: String(CLOCK_JUMP_MS),
    },
  });

const filesNamed = (name: string) => world.google.drive.files().filter((file) => file.name === name);
const nameOf = (rule: string): string => `corrupt-${rule}.bin`;
const sendingOf = (rule: string) => ({ key: `key-${rule}`, query: { name: nameOf(rule), onConflict: rule } });

/** Sends until Drive has all bytes, one of them corrupted, and the courier waits for the response. */
const sendUntilStored = async (courier: CourierProcess, rule: string): Promise<{ sent: Promise<unknown> }> => {
  world.google.faults.add([
    { ...PUT, nth: 1, fault: { kind: 'corrupt', offset: 7 } },
    { ...PUT, nth: 1, fault: { kind: 'answer-lost' } },
    { ...PUT, nth: [2, 3, 4, 5], fault: HELD },
  ]);
  const sent = world.send(courier, BYTES, sendingOf(rule)).catch(() => 'unanswered');
  const isHeld = (): boolean => (world.google.faults.list()[2]?.fired ?? 0) > 0;
  await waitUntil(() => filesNamed(nameOf(rule)).length === 1 && isHeld());
  world.google.faults.clear();
  return { sent };
};

/** A courier whose clock is a minute ahead, as if it had been started that much later. */
const startLater = async (): Promise<CourierProcess> => {
  const courier = await start();
  expect((await world.send(courier, 'x', { query: { name: 'first' } })).status).toBe(201);
  courier.child.kill('SIGUSR2');
  await waitUntil(() => courier.lines.includes(`clock ${CLOCK_JUMP_MS}`));
  return courier;
};

const suite = emulator === undefined ? describe.skip : describe;
suite('a process killed before it could look at what Drive has stored', () => {
  test(
    'no receipt covers corrupted bytes: the next attempt with the key repairs them, once',
    async () => {
      const doomed = await start();
      const held = [];
      for (const rule of RULES) held.push(await sendUntilStored(doomed, rule));
      await doomed.kill();
      expect(await Promise.all(held.map(({ sent }) => sent))).toEqual(RULES.map(() => 'unanswered'));
      const wrong = RULES.map((rule) => filesNamed(nameOf(rule)));
      expect(wrong.flat().map(({ sha256 }) => sha256 === SHA256)).toEqual([false, false]);

      const next = await startLater();
      for (const [at, rule] of RULES.entries()) {
        const id = wrong[at]?.[0]?.id;
        for (const turn of [1, 2]) {
          const { status, receipt } = await world.insist(() => next, BYTES, sendingOf(rule));
          expect([rule, turn, status, receipt.sha256, receipt.id]).toEqual([rule, turn, 200, SHA256, id]);
          expect(receipt).toMatchObject({ outcome: 'replayed', size: BYTES.length });
          expect(receipt.warnings).toBeUndefined();
          expect(filesNamed(nameOf(rule))).toMatchObject([{ id, sha256: SHA256, trashed: false, revisions: 2 }]);
        }
        const other = await world.send(next, Buffer.alloc(BYTES.length, 'b'), sendingOf(rule));
        expect(other).toMatchObject({ status: 422, code: 'idempotency-key-reused' });
      }
    },
    TIMEOUT_MS,
  );
});
