import { existsSync } from 'node:fs';
import { expect, test } from '@jest/globals';
import { runCourier } from '../../support/client/client-process.ts';

/** A device on which no space is left. Only Linux has it. */
const FULL = '/dev/full';
if (!existsSync(FULL)) console.warn(`SKIPPED: no ${FULL} here, so full disks are not tested.`);
const testWithFull = existsSync(FULL) ? test : test.skip;

testWithFull('a command whose output cannot be written fails, and says why', async () => {
  const under = ['sh', '-c', `exec "$@" > ${FULL}`, 'sh'];
  const { code, stderr } = await runCourier(['completion', 'bash'], { under });
  expect([code, stderr]).toEqual([1, 'courier: Standard output cannot be written: No space left on device\n']);
});
