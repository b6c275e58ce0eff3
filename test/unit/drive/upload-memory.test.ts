import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, test } from '@jest/globals';

// In a process of its own, because what other tests have left in the memory of this one changes the figure.
const PROGRAM = fileURLToPath(new URL('../../support/drive/upload-memory.ts', import.meta.url));

test('what finished uploads have held is freed without a full garbage collection', () => {
  const printed = execFileSync(process.execPath, ['--expose-gc', PROGRAM], { encoding: 'utf8' });
  const { kept, held } = JSON.parse(printed) as { kept: number; held: number };
  expect(held).toBeGreaterThan(1_000_000);
  expect(kept).toBeLessThan(held / 4);
});
