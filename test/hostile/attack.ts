import { createHash, randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, expect } from '@jest/globals';
import { type AttackedCourier, startAttackedCourier } from '../support/courier/attacked-courier.ts';

export const MEBIBYTE = 1024 * 1024;
/** How many deliveries one caller may have at the same time. */
export const ROOM = 8;
/** Well within Cloud Run's default of 512 MiB. */
const MAX_RESIDENT_BYTES = 400 * MEBIBYTE;

export interface Delivered {
  status: number;
  json: { code?: string; id?: string; sha256?: string };
  retryAfter: string | null;
}

/** A courier that is attacked, for all tests of the file that calls this. After each test it must still work. */
export const createAttack = () => {
  let attacked: AttackedCourier;
  beforeAll(async () => {
    attacked = await startAttackedCourier({ concurrentUploads: ROOM, bufferBytes: 8 * MEBIBYTE });
    // The first delivery loads libraries.
    for (const size of [10, 6 * MEBIBYTE]) expect((await deliver(randomBytes(size))).status).toBe(201);
  }, 60_000);
  afterAll(() => attacked?.close());

  let names = 0;
  const deliver = async (bytes: Buffer): Promise<Delivered> => {
    names += 1;
    const response = await fetch(`${attacked.courier.url}/v1/files?name=file-${names}`, {
      method: 'POST',
      headers: { authorization: `Bearer ${attacked.token}` },
      body: new Uint8Array(bytes),
    });
    const { status, headers } = response;
    return { status, json: (await response.json()) as Delivered['json'], retryAfter: headers.get('retry-after') };
  };

  /** Performs an attack while it polls the health route. Memory must not grow without bound. */
  const under = async (attack: () => Promise<void>): Promise<void> => {
    let over = false;
    let peak = 0;
    const watch = async (): Promise<void> => {
      while (!over) {
        await attacked.health();
        peak = Math.max(peak, attacked.residentBytes());
        await sleep(50);
      }
    };
    const watching = watch();
    try {
      await Promise.race([attack(), watching]);
    } finally {
      over = true;
    }
    await watching;
    expect(peak).toBeGreaterThan(0);
    expect(peak / MEBIBYTE).toBeLessThan(MAX_RESIDENT_BYTES / MEBIBYTE);
  };

  // It must still work after the attack.
  afterEach(async () => {
    const bytes = randomBytes(100_000);
    let answer = await deliver(bytes);
    // Requests that were cut off may still be in the process of closing.
    for (let tries = 0; answer.status === 429 && tries < 100; tries += 1) {
      await sleep(100);
      answer = await deliver(bytes);
    }
    const { status, json } = answer;
    expect([status, json.sha256]).toEqual([201, createHash('sha256').update(bytes).digest('hex')]);
  });

  return { attacked: () => attacked, deliver, under };
};
