import { spawn } from 'node:child_process';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from '@jest/globals';

/** A short run of `npm run interleave`. It runs as a child process, because it replaces the timers of its process. */

const MAIN = fileURLToPath(new URL('main.ts', import.meta.url));

const run = async (...options: string[]): Promise<{ code: number; lines: string[] }> => {
  const child = spawn(process.execPath, [MAIN, ...options], { stdio: ['ignore', 'pipe', 'inherit'] });
  const exited = new Promise<number>((resolve) => child.once('exit', (code) => resolve(code ?? -1)));
  const output = await text(child.stdout);
  return { code: await exited, lines: output.split('\n').filter((line) => line !== '') };
};

describe('the checker', () => {
  const DOUBLED = 'k1:A:new:small:plain:p1:1,k1:A:new:small:plain:p2:1;;none;/1.4>2';

  test('detects a ledger that grants every claim', async () => {
    const { code, lines } = await run('--broken-ledger', `--replay=${DOUBLED}`);
    expect(lines).toContainEqual(expect.stringMatching(/^I3 at step \d+: k1 has receipts for f\d and for f\d$/));
    expect(code).toBe(1);
  });

  test('detects it with a random search and prints how to replay it', async () => {
    const options = [
      '--broken-ledger',
      '--first',
      '--schedules',
      '200',
      '--scenario',
      DOUBLED.slice(0, -'/1.4>2'.length),
    ];
    const { code, lines } = await run(...options);
    expect(code).toBe(1);
    const replay = lines.find((line) => line.startsWith('--replay='))?.slice("--replay='".length, -1);
    const again = await run('--broken-ledger', `--replay=${replay}`);
    expect(again.lines.filter((line) => /^I\d/.test(line)).length).toBeGreaterThan(0);
  });

  test('detects that a copy of an archive delivers an entry again', async () => {
    const doubled = 'k1:AB:new:small:zip:p1:1,k1:AB:new:small:zip:p2:1;;none;/5.3>7';
    const { code, lines } = await run('--broken-ledger', `--replay=${doubled}`);
    expect(lines).toContainEqual(expect.stringMatching(/^I2\.copy at step \d+: d1\.2 was answered at step \d+/));
    expect(lines).toContainEqual(
      expect.stringMatching(/^I3 at step \d+: k1 a\/report\.csv has receipts for f\d and for f\d$/),
    );
    expect(code).toBe(1);
  });

  test('detects that the retention moves a file to the trash while it is being replaced', async () => {
    const replaced = 'k1:A:new:small:plain:p1:1,k2:B:replace:small:plain:p2:1;;delivered;;keep/1.11>2';
    const { code, lines } = await run('--broken-ledger', `--replay=${replaced}`);
    expect(lines).toContainEqual(expect.stringMatching(/^I13\.busy at step \d+: f1 is trashed by the retention of d1/));
    expect(lines).toContainEqual(expect.stringMatching(/^I13\.last at step \d+: f1 is trashed/));
    expect(code).toBe(1);
  });

  test.each([
    'k1:A:replace:large:plain:p1:2,k2:B:replace:large:push:p2:1;rename;hand;/1.5!503-later,2.7!lost,1.9>3',
    'k1:AB:replace:large:zip:p1:2,k1@b:CD:replace:small:zip:p2:1;rename;hand;/4.5!slow,6.3!503-later,5.9!lost,7.6>3',
  ])('runs a schedule the same way each time: %s', async (schedule) => {
    const replay = `--replay=${schedule}`;
    const [first, second] = await Promise.all([run(replay), run(replay)]);
    expect(first.lines.length).toBeGreaterThan(20);
    expect(second).toEqual(first);
  });
});

describe('the courier', () => {
  test('satisfies the invariants in every schedule that once violated one', async () => {
    const { code, lines } = await run('--named');
    const results = lines.map(
      (line) => JSON.parse(line) as { name: string; isFollowed: boolean; violations: string[] },
    );
    expect(results.length).toBeGreaterThan(20);
    // If a line of a schedule no longer applies, the schedule no longer tests anything.
    expect(results.filter(({ isFollowed, violations }) => !isFollowed || violations.length > 0)).toEqual([]);
    expect(code).toBe(0);
  });

  // Each run ends after a number of schedules, so every machine runs the same ones. It takes about ten seconds.
  test.each([
    ['of files', 'files', '400'],
    ['of two callers', 'callers', '150'],
    ['of archives', 'archives', '150'],
    ['with several accounts', 'accounts', '100'],
    ['with retention', 'keep', '100'],
    ['with sharing', 'share', '100'],
    ['of rows', 'rows', '150'],
  ])('satisfies the invariants in random schedules %s', async (_, kind, schedules) => {
    const { code, lines } = await run('--seed', '1', '--kind', kind, '--schedules', schedules, '--minutes', '0.8');
    expect(lines).toEqual([expect.stringMatching(/^\d+ schedules in \d+ s with seed 1: 0 violations$/)]);
    expect(code).toBe(0);
  });
});
