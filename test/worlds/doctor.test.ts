import { describe, expect, test } from '@jest/globals';
import { gcloudCommandsIn, hasGcloud, lintGcloud } from '../support/deploy/gcloud-lint.ts';
import { faultsIn } from './judge.ts';
import { visit } from './visit.ts';
import { WORLDS } from './worlds.ts';

/** If Google does not respond, the doctor waits for a while. */
const TIMEOUT_MS = 90_000;

if (!hasGcloud) console.warn('SKIPPED: gcloud is not installed, so it cannot look at the remedies itself');

const remedies = new Set<string>();

describe('in each broken setup the doctor reports exactly what is wrong', () => {
  test.each(WORLDS.map((world) => [world.name, world] as const))(
    '%s',
    async (_, world) => {
      const { report, lines, secrets, changes, left } = await visit(world);
      const { ok, checks } = report.destinations.reports ?? { ok: undefined, checks: [] };

      expect(faultsIn(world, checks)).toEqual([]);
      const isFailing = Object.values(world.finds).some(({ result }) => result === 'failed');
      expect([report.ok, ok]).toEqual([!isFailing, !isFailing]);
      for (const { remedy } of checks) if (remedy !== undefined) remedies.add(remedy);
      for (const { result, remedy, detail } of checks)
        expect(remedy !== undefined).toBe(result === 'failed' || result === 'warned' || /^Not checked/.test(detail));

      if (world.write) expect(changes.some((change) => change.startsWith('POST'))).toBe(true);
      else expect(changes).toEqual([]);
      expect(left).toHaveLength(world.name === 'the account may put files, and not take them away' ? 1 : 0);

      const output = JSON.stringify(report) + lines.join('');
      for (const secret of secrets) expect(output).not.toContain(JSON.stringify(secret).slice(1, -1));
      expect(output).not.toMatch(/ya29\.|eyJ[\w-]{10}|PRIVATE KEY-----\\n/);
    },
    TIMEOUT_MS,
  );
});

(hasGcloud ? test : test.skip)(
  'every command that the doctor gives to paste is one that gcloud knows',
  async () => {
    const commands = [...remedies].flatMap((remedy) => gcloudCommandsIn(remedy.replaceAll('PROJECT', 'my-project')));
    expect(commands.length).toBeGreaterThan(20);
    expect(await lintGcloud([...new Set(commands)])).toEqual([]);
  },
  120_000,
);

test('there are enough setups', () => {
  expect(WORLDS.length).toBeGreaterThanOrEqual(30);
  expect(new Set(WORLDS.map(({ name }) => name)).size).toBe(WORLDS.length);
});

describe('the judge', () => {
  const finds = { folder: { result: 'failed', detail: /missing/, remedy: /Share/ } } as const;
  const right = [
    { check: 'token', result: 'passed', detail: '' },
    { check: 'folder', result: 'failed', detail: 'is missing', remedy: 'Share it' },
    { check: 'writable', result: 'skipped', detail: 'Skipped: fix "folder" first.' },
  ] as const;

  test('accepts exactly the expected diagnosis', () => expect(faultsIn({ finds }, right)).toEqual([]));

  test.each([
    ['one that is not there', right.slice(0, 1)],
    ['another detail', [right[0], { ...right[1], detail: 'is a file' }]],
    ['another remedy', [right[0], { ...right[1], remedy: 'Wait' }]],
    ['no remedy', [right[0], { check: 'folder', result: 'failed', detail: 'is missing' } as const]],
    ['a milder result', [right[0], { ...right[1], result: 'warned' } as const]],
    ['a second complaint', [...right, { check: 'scope', result: 'warned', detail: 'narrow', remedy: 'x' } as const]],
    ['a check that was skipped for no reason', [...right, { check: 'clock', result: 'skipped', detail: 'x' } as const]],
  ])('rejects %s', (_, checks) => expect(faultsIn({ finds }, checks)).not.toEqual([]));
});
