import type { Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { CourierProcess } from '../../local/courier-process.ts';
import { type LocalGoogle, startLocalGoogle } from '../../local/google/server.ts';
import { AUDIENCE, startCourierIn } from '../support/courier/courier-in-world.ts';
import { openSocket } from '../support/http/raw-socket.ts';

/** Slots of one caller; all callers together have 25. */
const SLOTS = 20;
/**
 * How long Drive takes for a file: so long that the slots limit the throughput and not this machine, which other tests may
 * load more in one of the measurements than in another.
 */
const DRIVE_MS = 4_000;
const MEASURE_MS = 24_000;
/** A slow body is cut off after two ticks of six seconds, and refused callers retry after two. */
const SETTLE_MS = 15_000;
/** Without an attack, the throughput is even once all lanes have begun. */
const WARM_UP_MS = 8_000;
const HONEST = 9;
/** How soon the greedy caller retries, in milliseconds. All callers and Google share this machine, so it must not take the whole processor. */
const GREEDY_RETRY_MS = 500;
/** Concurrent requests of each honest caller: together more than there are slots. */
const PARALLEL = 4;

let google: LocalGoogle;
let courier: CourierProcess;
const emailOf = (index: number): string => `caller-${index}@my-proj.iam.gserviceaccount.com`;

beforeAll(async () => {
  google = await startLocalGoogle();
  const callers = Array.from({ length: HONEST + 1 }, (_, index) => emailOf(index));
  courier = await startCourierIn(google, {
    config: {
      destinations: { reports: { folder: google.places.sharedDriveFolder, credentials: 'main', callers } },
      credentials: { main: { file: google.world.keyFiles.courier } },
      limits: { concurrentUploads: SLOTS },
    },
    env: { LOG_LEVEL: 'info' },
  });
}, 60_000);
afterAll(async () => {
  await courier?.stop();
  await google?.close();
});

const tokenOf = (index: number): string => google.world.idToken({ email: emailOf(index), audience: AUDIENCE });

let names = 0;
const send = async (token: string): Promise<{ status: number; retryAfter: number }> => {
  const response = await fetch(`${courier.url}/v1/files?name=fair-${names++}`, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}` },
    body: 'bytes',
  });
  await response.arrayBuffer();
  return { status: response.status, retryAfter: Number(response.headers.get('retry-after') ?? 0) };
};

/** One of a caller's concurrent senders. It waits as long as Retry-After requests. */
const sendUntil = async (index: number, isOver: () => boolean, onStored: (startMs: number) => void): Promise<void> => {
  const token = tokenOf(index);
  while (!isOver()) {
    const startMs = performance.now();
    const { status, retryAfter } = await send(token);
    if (status === 201) onStored(startMs);
    else {
      expect(status).toBe(429);
      await sleep(retryAfter * 1_000);
    }
  }
};

interface Measured {
  /** Files that each of the honest callers has stored. */
  stored: number[];
  /**
   * The average number of slots that they had. Where the slots are all used, it is their throughput multiplied by the time that a
   * file takes, so it does not depend on how busy this machine is.
   */
  slots: number;
}

/** What the honest callers get in the measured time. */
const measure = async (settleMs: number): Promise<Measured> => {
  const stored = Array.from({ length: HONEST }, () => 0);
  let slotMs = 0;
  const fromMs = performance.now() + settleMs;
  const toMs = fromMs + MEASURE_MS;
  const isOver = (): boolean => performance.now() > toMs;
  await Promise.all(
    stored.flatMap((_, index) =>
      Array.from({ length: PARALLEL }, () =>
        sendUntil(index + 1, isOver, (startMs) => {
          const endMs = performance.now();
          slotMs += Math.max(0, Math.min(endMs, toMs) - Math.max(startMs, fromMs));
          if (endMs > fromMs && endMs <= toMs) stored[index] = (stored[index] ?? 0) + 1;
        }),
      ),
    ),
  );
  return { stored, slots: slotMs / MEASURE_MS };
};

/** Keeps twice as many bodies open as it may, and opens another as soon as one is refused or cut off. */
const trickle = async (isOver: () => boolean): Promise<void> => {
  const head = `POST /v1/files?name=slow HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer ${tokenOf(0)}\r\n`;
  const keepOpen = async (): Promise<void> => {
    while (!isOver()) {
      const { socket, write, ended } = await openSocket(Number(new URL(courier.url).port));
      const closed = new AbortController();
      void ended.then(() => closed.abort());
      await write(`${head}Content-Length: 100000000\r\n\r\n`).catch(() => undefined);
      while (!isOver() && !closed.signal.aborted && !isEnded(socket)) {
        socket.write('x'.repeat(1_000));
        await sleep(200);
      }
      socket.destroy();
      await sleep(GREEDY_RETRY_MS);
    }
  };
  await Promise.all(Array.from({ length: 2 * SLOTS }, keepOpen));
};
const isEnded = (socket: Socket): boolean => socket.destroyed || socket.readableEnded;

/** Sends as many files as it can, and retries at once. */
const flood = async (isOver: () => boolean): Promise<void> => {
  const token = tokenOf(0);
  const sendAgain = async (): Promise<void> => {
    while (!isOver()) {
      await send(token).catch(() => undefined);
      await sleep(GREEDY_RETRY_MS);
    }
  };
  await Promise.all(Array.from({ length: SLOTS }, sendAgain));
};

let alone: Measured;

test('nine honest callers, alone', async () => {
  google.faults.add({ path: '/upload/drive/v3/files', fault: { kind: 'delay', ms: DRIVE_MS } });
  alone = await measure(WARM_UP_MS);
  // They use nearly all of them.
  expect(alone.slots).toBeGreaterThan(0.9 * (SLOTS + SLOTS / 4));
}, 60_000);

test.each([
  ['trickles bodies into all slots that it can get', trickle],
  ['retries its files without regard to Retry-After', flood],
])(
  'they keep 80 %% of their slots beside a caller that %s',
  async (_, attack) => {
    let isOver = false;
    const attacking = attack(() => isOver);
    const { stored, slots } = await measure(SETTLE_MS);
    isOver = true;
    await attacking;
    const kept = slots / alone.slots;
    // What is compared beside it is shown if it fails.
    const numbers = `${slots} slots beside it, ${alone.slots} alone, with ${stored.join(' ')} files`;
    expect([kept >= 0.8, !stored.includes(0), numbers]).toEqual([true, true, numbers]);
  },
  90_000,
);
