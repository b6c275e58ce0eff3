import { fileURLToPath } from 'node:url';
import { expect, test } from '@jest/globals';
import { faultsOf, runSoak, type SoakPlan } from './run.ts';

/** The short form of `npm run soak`. */

const TIMEOUT_MS = 300_000;
const PLAN: SoakPlan = { minutes: 0.5, seed: 1, faults: 0.05, lanes: 6, samples: 12 };

test(
  'half a minute of all operations with Drive faults: all responses are as expected, and nothing grows',
  async () => {
    const result = await runSoak(PLAN);
    expect(faultsOf(result, PLAN)).toEqual([]);
    expect(result.injected).toBeGreaterThan(0);
    expect(result.answers.size).toBeGreaterThan(25);
  },
  TIMEOUT_MS,
);

test(
  'a process that leaks memory, buffers, timers and descriptors is detected',
  async () => {
    const plan = {
      ...PLAN,
      minutes: 0.25,
      lanes: 2,
      nodeOptions: ['--import', fileURLToPath(new URL('leak.mjs', import.meta.url))],
    };
    const faults = faultsOf(await runSoak(plan), plan);
    expect(faults).toEqual(
      expect.arrayContaining(['heap', 'external', 'descriptors', 'timers'].map((name) => `${name} grows`)),
    );
  },
  TIMEOUT_MS,
);
