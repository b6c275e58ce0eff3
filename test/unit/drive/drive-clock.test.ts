import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { DriveAuth } from '../../../src/credentials/drive-auth.ts';
import { createDriveClient } from '../../../src/drive/client.ts';
import { createDriveClock } from '../../../src/steady-clock.ts';
import type { Pace } from '../../../src/drive/pacing.ts';
import type { GoogleTransport } from '../../../src/google/transport.ts';

const START_MS = Date.parse('2026-11-29T12:00:00.000Z');

/** An instance whose clock is ahead of Drive's, and a call that takes some time on the way there and back. */
const setUp = (aheadMs: number) => {
  let driveMs = START_MS;
  let [thereMs, backMs] = [0, 0];
  let dateOf = (): string | undefined => new Date(driveMs).toUTCString();
  const transport: Pick<GoogleTransport, 'send'> = {
    async send({ beforeAttempt }) {
      await beforeAttempt?.();
      driveMs += thereMs;
      const date = dateOf();
      driveMs += backMs;
      return { status: 200, headers: { date }, body: Buffer.alloc(0) };
    },
  };
  const pace: Pace = { spend: async () => undefined, slowDown: () => undefined };
  const client = createDriveClient({ transport, pace, auth: {} as DriveAuth, now: () => driveMs + aheadMs });
  return {
    now: client.driveNow,
    drive: () => driveMs,
    /** From now on, answers have this date. */
    date: (date: string | undefined) => {
      dateOf = () => date;
    },
    async call(there: number, back: number) {
      [thereMs, backMs] = [there, back];
      const request = {
        operation: 'drive.test',
        method: 'GET',
        url: 'https://drive',
        retry: 'once',
        units: 0,
      } as const;
      await client.callSession(request, {});
    },
  };
};

test('it is the clock of the instance before the first answer, and stays so where that is right', async () => {
  const { now, call, drive } = setUp(0);
  expect(now()).toBe(START_MS);
  for (const backMs of [0, 10, 999, 60_000]) {
    await call(40, backMs);
    expect(now()).toBe(drive());
  }
});

test('it comes within a second and the time of an answer of that of Drive, however wrong the clock is', async () => {
  const ahead = fc.integer({ min: -86_400_000, max: 86_400_000 });
  const times = fc.array(fc.tuple(fc.integer({ min: 0, max: 900 }), fc.integer({ min: 0, max: 900 })), {
    minLength: 1,
  });
  await fc.assert(
    fc.asyncProperty(ahead, times, async (aheadMs, calls) => {
      const { now, call, drive } = setUp(aheadMs);
      for (const [there, back] of calls) {
        await call(there, back);
        expect(Math.abs(now() - drive())).toBeLessThanOrEqual(1_000 + there + back);
      }
    }),
  );
});

test('an instance that was paused before it read an answer does not take the answer for new', async () => {
  const { now, call, drive } = setUp(300_000);
  await call(20, 20);
  await call(20, 600_000);
  expect(Math.abs(now() - drive())).toBeLessThanOrEqual(1_040);
});

test('it never goes back while answers agree with it', async () => {
  const { now, call } = setUp(-240_000);
  let former = Number.NEGATIVE_INFINITY;
  await call(30, 30);
  for (let turn = 0; turn < 200; turn++) {
    await call(turn % 7, turn % 50);
    expect(now()).toBeGreaterThanOrEqual(former);
    former = now();
  }
});

test('an answer without a date, or with an unreadable one, changes nothing', async () => {
  const { now, date, call, drive } = setUp(300_000);
  for (const odd of [undefined, 'yesterday']) {
    date(odd);
    await call(20, 20);
  }
  expect(now()).toBe(drive() + 300_000);
});

test('the accounts of an instance share it: an answer to one of them corrects the other, which has had none for days', async () => {
  const driveMs = START_MS;
  let aheadMs = 0;
  const now = (): number => driveMs + aheadMs;
  const answer = { status: 200, headers: { date: new Date(driveMs).toUTCString() }, body: Buffer.alloc(0) };
  const transport: Pick<GoogleTransport, 'send'> = {
    async send({ beforeAttempt }) {
      await beforeAttempt?.();
      return answer;
    },
  };
  const pace: Pace = { spend: async () => undefined, slowDown: () => undefined };
  const clock = createDriveClock(now);
  const [first, second] = ['a', 'b'].map(() =>
    createDriveClient({ transport, pace, auth: {} as DriveAuth, now, clock }),
  );
  const request = { operation: 'drive.test', method: 'GET', url: 'https://drive', retry: 'once', units: 0 } as const;
  await second?.callSession(request, {});
  aheadMs = 864_000_000;
  await first?.callSession(request, {});
  expect(Math.abs((second?.driveNow() ?? 0) - driveMs)).toBeLessThanOrEqual(1_000);
});
