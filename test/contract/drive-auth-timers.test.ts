import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { LocalGoogle } from '../../local/google/server.ts';
import { watchTimers } from '../support/processes/running-timers.ts';
import { createWitness, openAuth, startRuntime } from './drive-auth/harness.ts';
import { WAYS } from './drive-auth/ways.ts';

let google: LocalGoogle;
let close: () => Promise<void>;
const witness = createWitness();

beforeAll(async () => {
  ({ google, close } = await startRuntime(witness));
});
afterAll(() => close());

/** Each call has half a minute, and some are made in the background. */
const MIN_MS = 25_000;
const WITHIN_MS = 5_000;

test.each(WAYS)('$way: no time limit outlives the calls for a token', async ({ configure, onCloudRun }) => {
  const timers = watchTimers();
  try {
    await openAuth(google, witness, configure(google), { onCloudRun }).token();
    const endsMs = performance.now() + WITHIN_MS;
    while (timers.running(MIN_MS).length > 0 && performance.now() < endsMs) await delay(20);
    expect(timers.running(MIN_MS)).toEqual([]);
  } finally {
    timers.stop();
  }
});
