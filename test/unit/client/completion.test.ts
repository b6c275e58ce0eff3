import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { runInProcess } from '../../support/processes/run-program.ts';

const folder = mkdtempSync(join(tmpdir(), 'courier-completion-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const SHELLS = ['bash', 'zsh', 'fish'];
const scriptOf = (shell: string): string => join(folder, `courier.${shell}`);
beforeAll(async () => {
  for (const shell of SHELLS) {
    const { code, stdout } = await runInProcess(['completion', shell]);
    expect(code).toBe(0);
    writeFileSync(scriptOf(shell), stdout);
  }
});

const CASES: readonly [words: string[], expected: string[]][] = [
  [['se'], ['send']],
  [['con'], ['config']],
  [['--au'], ['--audience']],
  [['send', '--on'], ['--on-conflict']],
  [['send', '--verb'], ['--verbose']],
  [['send', '--on-conflict', 're'], ['replace']],
  [
    ['--url', 'https://a.example', 'send', '--convert-to', ''],
    ['sheet', 'doc', 'slides'],
  ],
  [
    ['config', ''],
    ['set', 'unset', 'get', 'list', 'path'],
  ],
  [['completion', 'z'], ['zsh']],
  [['doctor', '--wr'], ['--write']],
  [['token', '--on'], []],
];

describe('bash', () => {
  const complete = (words: readonly string[]): string[] => {
    const lines = ['source "$1"', 'shift', 'COMP_WORDS=(courier "$@")', 'COMP_CWORD=$#', '_courier'];
    // biome-ignore lint/suspicious/noTemplateCurlyInString: it is bash's.
    const script = [...lines, 'printf "%s\\n" "${COMPREPLY[@]}"'].join('\n');
    const printed = execFileSync('bash', ['-c', script, 'bash', scriptOf('bash'), ...words], { encoding: 'utf8' });
    return printed.split('\n').filter((line) => line !== '');
  };

  test.each(CASES)('completes %j', (words, expected) => expect(complete(words)).toEqual(expected));

  test('leaves file names to bash', () => {
    expect(complete(['send', ''])).toEqual([]);
    expect(complete(['--key-file', ''])).toEqual([]);
    const script = `source "${scriptOf('bash')}"; complete -p courier`;
    expect(execFileSync('bash', ['-c', script], { encoding: 'utf8' })).toBe(
      'complete -o default -F _courier courier\n',
    );
  });
});

describe.each(['zsh', 'fish'])('%s', (shell) => {
  const isHere = spawnSync(shell, ['--version']).status === 0;
  if (!isHere) console.warn(`SKIPPED: there is no ${shell} here, so it does not read its completion script.`);
  (isHere ? test : test.skip)('can read its script', () => {
    expect(spawnSync(shell, ['-n', scriptOf(shell)], { encoding: 'utf8' })).toMatchObject({ status: 0, stderr: '' });
  });

  if (shell !== 'fish') return;
  (isHere ? test : test.skip).each(CASES)('completes %j', (words, expected) => {
    const line = ['courier', ...words].join(' ');
    const script = `source ${scriptOf('fish')}; complete -C '${line}'`;
    const printed = execFileSync('fish', ['-c', script], { encoding: 'utf8' });
    expect(printed.split('\n').map((each) => each.split('\t')[0])).toEqual(expect.arrayContaining(expected));
  });
});
