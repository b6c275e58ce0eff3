import { expect, test } from '@jest/globals';
import { createManyProgress } from '../../../../src/client/commands/output/send-many-progress.ts';

const MIB = 1_048_576;

/** What is printed to stderr for progress at these times. */
const printed = (
  steps: readonly [atMs: number, files: number, sentBytes: number][],
  { isTTY = false, columns = 120, total = true } = {},
): string => {
  let atMs = 0;
  const parts: string[] = [];
  const stderr = { isTTY, columns, write: (part: string | Uint8Array) => parts.push(String(part)) > 0 };
  const progress = createManyProgress({ stderr, now: () => atMs });
  for (const [time, files, sentBytes] of steps) {
    atMs = time;
    progress.show({
      ...{ files, sentBytes },
      ...(total ? { totalFiles: 2_000, totalBytes: 100 * MIB } : { totalFiles: undefined, totalBytes: undefined }),
    });
  }
  progress.clear();
  return parts.join('');
};

test('without a terminal there is a plain line every ten seconds, with files, bytes, rate and time left', () => {
  const seconds = Array.from({ length: 25 }, (_, index): [number, number, number] => [
    (index + 1) * 1_000,
    (index + 1) * 50,
    (index + 1) * MIB,
  ]);
  const lines = printed(seconds).split('\n');
  expect(lines).toHaveLength(3);
  expect(lines[0]).toMatch(/^courier: 500 of 2,000 files {2}10.* of 100.*B$/);
  expect(lines[1]).toMatch(/^courier: 1,000 of 2,000 files {2}20.* of 100.*B {2}1\S* MiB\/s {2}.* left$/);
  // Neither control characters nor a carriage return: the lines stay in a log.
  expect(lines.join('')).not.toMatch(/\p{Cc}/u);
});

test('before the files are counted, it says what has been sent', () => {
  expect(printed([[10_000, 7, 3 * MIB]], { total: false })).toMatch(/^courier: 7 files {2}3\S* MiB\n$/);
});

test('on a terminal one line is written again, shorter than the terminal, and cleared at the end', () => {
  const text = printed(
    [
      [200, 1_000, 50 * MIB],
      [250, 1_001, 51 * MIB],
      [400, 1_200, 60 * MIB],
    ],
    { isTTY: true, columns: 40 },
  );
  const lines = text.split('\r').slice(1);
  expect(lines).toHaveLength(3);
  expect(text).not.toContain('\n');
  for (const line of lines) expect(line.replace('\u001b[K', '').length).toBeLessThan(40);
  expect(lines[0]).toContain('1,000 of 2,0');
  expect(lines.at(-1)).toBe('\u001b[K');
});
