import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, test } from '@jest/globals';

// In a process of its own, because what other tests have left in the memory of this one changes the figure.
const PROGRAM = fileURLToPath(new URL('../../support/http/request-memory.ts', import.meta.url));

test('requests that have been answered on one connection are freed without a full garbage collection', () => {
  const printed = execFileSync(process.execPath, ['--expose-gc', PROGRAM], { encoding: 'utf8' });
  const { keptOfEach } = JSON.parse(printed) as { keptOfEach: number };
  // A request takes more than 2 KB.
  expect(keptOfEach).toBeLessThan(1_000);
});
