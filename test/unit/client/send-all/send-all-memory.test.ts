import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, test } from '@jest/globals';

// In a process of its own, because what other tests have left in the memory of this one changes the figure.
const PROGRAM = fileURLToPath(new URL('../../../support/client/send-all-memory.ts', import.meta.url));

test('requests that have been answered are freed without a full garbage collection', () => {
  const printed = execFileSync(process.execPath, ['--expose-gc', PROGRAM], { encoding: 'utf8' });
  const { delivered, keptOfEach } = JSON.parse(printed) as { delivered: number; keptOfEach: number };
  expect(delivered).toBe(1_000);
  // The path of each file stays, and what V8 itself keeps of a request. A request takes 5 KB.
  expect(keptOfEach).toBeLessThan(3_000);
});
