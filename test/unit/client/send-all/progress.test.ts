import { expect, test } from '@jest/globals';
import { createProgress } from '../../../../src/client/commands/output/progress.ts';
import { createManyProgress } from '../../../../src/client/commands/output/send-many-progress.ts';

const MIB = 1_048_576;

/** What is printed to stderr for progress at these times. */
const printed = (
  steps: readonly [atMs: number, files: number, sentBytes: number][],
  { isTTY = false, columns = 120, total = true, totalFiles = 2_000, totalBytes = 100 * MIB } = {},
): string => {
  let atMs = 0;
  const parts: string[] = [];
  const stderr = { isTTY, columns, write: (part: string | Uint8Array) => parts.push(String(part)) > 0 };
  const progress = createManyProgress({ stderr, now: () => atMs });
  for (const [time, files, sentBytes] of steps) {
    atMs = time;
    progress.show({
      ...{ files, sentBytes },
      ...(total ? { totalFiles, totalBytes } : { totalFiles: undefined, totalBytes: undefined }),
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

/** The lines on a terminal, without the codes that move the cursor. */
const shown = (...given: Parameters<typeof printed>): string[] =>
  printed(given[0], { isTTY: true, ...given[1] })
    .split('\r')
    .slice(1, -1)
    .map((line) => line.replace('\u001b[K', ''));

const GIB = 1024 * MIB;
const LARGE = { totalFiles: 20_000, totalBytes: 103 * GIB };
/** A second in the middle of a large run. */
const MIDDLE: [number, number, number][] = [
  [1_000, 12_345, 50 * GIB],
  [2_000, 12_390, 50 * GIB + 23 * MIB],
];

test.each([
  [120, /^\[#+\.+\] 12,390 of 20,000 files {2}50\.0 GiB of 103 GiB {2}\S+ MiB\/s {2}\S+ min left$/],
  [80, /^12,390 of 20,000 files {2}50\.0 GiB of 103 GiB {2}\S+ MiB\/s {2}\S+ min left$/],
  [60, /^12,390 of 20,000 files {2}48 % {2}\S+ MiB\/s {2}\S+ min left$/],
  [45, /^12,390 of 20,000 files {2}48 % {2}\S+ min left$/],
  [20, /^12,390 of 20,000 fi$/],
  // A terminal that does not tell its size.
  [0, /^12,390 of 20,000 files .* min left$/],
])('on a terminal of %i columns the time that is left is the last to be dropped', (columns, expected) => {
  expect(shown(MIDDLE, { columns, ...LARGE }).at(-1)).toMatch(expected);
});

test('the time that is left counts the small files after a large one, too', () => {
  const totals = { totalFiles: 1_001, totalBytes: 200 * MIB + 100_000 };
  const large: [number, number, number][] = Array.from({ length: 10 }, (_, index) => [
    (index + 1) * 1_000,
    0,
    (index + 1) * 20 * MIB,
  ]);
  const small: [number, number, number][] = Array.from({ length: 10 }, (_, index) => [
    10_000 + (index + 1) * 200,
    1 + index * 10,
    200 * MIB + index * 1_000,
  ]);
  const lines = shown([...large, ...small], totals);
  expect(lines[4]).toMatch(/ 5 s left$/);
  const [, left = ''] = / (\d+) s left$/.exec(lines.at(-1) ?? '') ?? [];
  expect(Number(left)).toBeGreaterThan(15);
});

test('a large file at the end is not counted as if it were a small one', () => {
  const steps: [number, number, number][] = Array.from({ length: 60 }, (_, index) => [
    (index + 1) * 1_000,
    Math.min(1_000, (index + 1) * 100),
    (index + 1) * MIB,
  ]);
  expect(shown(steps, { totalFiles: 1_001, totalBytes: 100 * MIB }).at(-1)).toMatch(/ 40 s left$/);
});

test.each([
  [80, /^\[#+\.+\] 11\.0 GiB of 103 GiB {2}102 MiB\/s {2}15:2\d min left$/],
  [50, /^11\.0 GiB of 103 GiB {2}102 MiB\/s {2}15:2\d min left$/],
  [35, /^10 % {2}102 MiB\/s {2}15:2\d min left$/],
  [0, /^\[#+\.+\] 11\.0 GiB of 103 GiB {2}102 MiB\/s {2}15:2\d min left$/],
])('the progress of a single file on a terminal of %i columns has the time that is left, too', (columns, expected) => {
  let atMs = 0;
  const parts: string[] = [];
  const stderr = { isTTY: true, columns, write: (part: string | Uint8Array) => parts.push(String(part)) > 0 };
  const progress = createProgress({ stderr, now: () => atMs });
  for (const sentBytes of [10 * GIB, 11 * GIB]) {
    atMs += 10_000;
    progress.show({ sentBytes, totalBytes: 103 * GIB });
  }
  expect(parts.at(-1)?.replace('\r', '').replace('\u001b[K', '')).toMatch(expected);
});
