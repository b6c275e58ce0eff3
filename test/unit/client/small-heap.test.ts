import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect, test } from '@jest/globals';

const smallHeap = pathToFileURL(join(import.meta.dirname, '../../../src/client/small-heap.ts')).href;

/**
 * A process that creates many objects, some of which live for a while. Prints MiB of both generations of its heap, as the median
 * of 20 measurements: during a collection, the young one may be larger.
 */
const program = (prepare: string): string => `
  import { getHeapSpaceStatistics } from 'node:v8';
  import { keepHeapSmall } from ${JSON.stringify(smallHeap)};
  ${prepare}
  const mebibytes = (name) => getHeapSpaceStatistics().find((each) => each.space_name === name).space_size / 1_048_576;
  const median = (sizes) => sizes.sort((one, other) => one - other)[sizes.length / 2];
  const recent = [];
  const young = [];
  const old = [];
  for (let turn = 0; turn < 4_000_000; turn += 1) {
    recent[turn % 10_000] = { turn, text: ['text', turn] };
    if (turn < 2_000_000 || turn % 100_000 !== 0) continue;
    young.push(mebibytes('new_space'));
    old.push(mebibytes('old_space'));
  }
  console.log(JSON.stringify([median(young), median(old)]));`;

const generationsOf = (prepare: string): [young: number, old: number] =>
  JSON.parse(execFileSync(process.execPath, ['--input-type=module', '-e', program(prepare)], { encoding: 'utf8' }));

test('the heap of a busy process stays small', () => {
  const [young, old] = generationsOf('keepHeapSmall();');
  const [youngOtherwise] = generationsOf('');
  expect(youngOtherwise).toBeGreaterThan(8);
  expect(young).toBeLessThanOrEqual(4);
  expect(old).toBeLessThan(24);
});
