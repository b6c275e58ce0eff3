import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import type { FaultRule } from '../../../local/google/faults/plan.ts';
import { type CourierWorld, startCourierWorld } from '../../support/courier/courier-world.ts';
import { startFirestoreEmulator } from '../../support/firestore-emulator.ts';
import { type Loss, startLossyRelay } from '../../support/network/lossy-relay.ts';

const emulator = await startFirestoreEmulator();
const TIMEOUT_MS = 180_000;
const HELD_MS = 600_000;

let world: CourierWorld;
beforeAll(async () => {
  world = await startCourierWorld(({ places, world: { emails } }) => ({
    default: { folder: places.sharedDriveFolder, share: [{ type: 'group', email: emails.sales, role: 'reader' }] },
  }));
}, TIMEOUT_MS);
afterEach(() => world.google.faults.clear());
afterAll(async () => {
  await world?.close();
  await emulator?.stop();
});

const filesNamed = (name: string) => world.google.drive.files().filter((file) => file.name === name);

const permissionsOf = (id: string) =>
  world.google.drive.state.store.files.get(id)?.permissions.map(({ type, role }) => `${type} ${role}`) ?? [];

const isCommit = (path: string): boolean => path.includes(':commit');
const isReceipt = (body: string): boolean => body.includes('outcome');

/** The point where the process is paused until it is killed. */
interface Step {
  fault?: FaultRule;
  lose?(path: string, count: number, body: string): Loss | undefined;
  /** The size in bytes; a few by default. */
  size?: number;
}

const hold = (method: string, path: string): FaultRule => ({ method, path, fault: { kind: 'delay', ms: HELD_MS } });

const STEPS: Readonly<Record<string, Step>> = {
  'before anything is claimed': { lose: (path) => (isCommit(path) ? 'silent' : undefined) },
  'after folder and key are claimed, while the bytes go out': { fault: hold('*', '/upload/*') },
  'in the middle of a resumable upload': { fault: hold('PUT', '/upload/*'), size: 6_000_000 },
  'after the file is made, before it is shared': { fault: hold('POST', '*/permissions') },
  'after it is shared, before the receipt is recorded': {
    lose: (path, _, body) => (isCommit(path) && isReceipt(body) ? 'silent' : undefined),
  },
  'after the receipt is recorded, before it is answered': {
    lose: (path, _, body) => (isCommit(path) && isReceipt(body) ? 'answer-lost' : undefined),
  },
};

const bodyOf = (step: string, size = 20): string => step.padEnd(size, '.').slice(0, Math.max(size, 20));

const waitUntil = async (holds: () => boolean): Promise<void> => {
  while (!holds()) await sleep(20);
};

const suite = emulator === undefined ? describe.skip : describe;
suite('a process killed', () => {
  let turns = 0;

  test.each(Object.keys(STEPS))(
    '%s: the next attempt creates one file of each, under any rule',
    async (name) => {
      const step = STEPS[name] ?? {};
      const turn = ++turns;
      const ledger = { firestore: { project: 'local-project', collection: `crash-${turn}` } };
      const rules = ['new', 'replace', 'skip', 'fail', 'convert'];
      const body = bodyOf(name, step.size);
      const sendings = rules.map((rule) => ({
        key: `${turn}-${rule}`,
        type: 'text/csv',
        query: {
          name: `${turn}-${rule}`,
          path: `crash/${turn}`,
          ...(rule === 'convert' ? { convertTo: 'sheet' } : { onConflict: rule }),
        },
      }));
      const heldUp = new Set<string>();
      const relay = await startLossyRelay(`http://${emulator?.host}`, (path, count, text) => {
        const loss = step.lose?.(path, count, text);
        if (loss !== undefined) heldUp.add(createHash('sha256').update(text).digest('hex'));
        return loss;
      });
      const doomed = await world.start({ ledger, env: { FIRESTORE_EMULATOR_HOST: new URL(relay.origin).host } });
      if (step.fault !== undefined) world.google.faults.add(step.fault);
      const held = (): number => heldUp.size + (world.google.faults.list()[0]?.fired ?? 0);
      const lost = sendings.map((sending) => world.send(doomed, body, sending).catch(() => undefined));
      // The folder comes first: until it is claimed, all of them wait for it.
      await waitUntil(() => held() >= (name === 'before anything is claimed' ? 1 : rules.length));
      await doomed.kill();
      expect(await Promise.all(lost)).toEqual(rules.map(() => undefined));
      world.google.faults.clear();
      await relay.close();

      const next = await world.start({ ledger, env: { FIRESTORE_EMULATOR_HOST: emulator?.host ?? '' } });
      const answers = await Promise.all(sendings.map((sending) => world.insist(() => next, body, sending)));
      const again = await Promise.all(sendings.map((sending) => world.insist(() => next, body, sending)));
      for (const [at, rule] of rules.entries()) {
        const [answer, repeated] = [answers[at], again[at]];
        expect([rule, answer?.code, answer?.receipt.warnings]).toEqual([rule, undefined, undefined]);
        expect(filesNamed(`${turn}-${rule}`)).toMatchObject([{ id: answer?.receipt.id, trashed: false }]);
        expect(repeated?.receipt).toEqual({ ...answer?.receipt, outcome: 'replayed' });
        expect(permissionsOf(answer?.receipt.id ?? '')).toEqual(['group reader']);
        if (rule === 'convert') continue;
        const sha256 = createHash('sha256').update(body).digest('hex');
        expect(filesNamed(`${turn}-${rule}`)).toMatchObject([{ sha256, revisions: 1 }]);
      }
      expect(filesNamed(`${turn}`)).toHaveLength(1);
      await next.stop();
    },
    TIMEOUT_MS,
  );
});
