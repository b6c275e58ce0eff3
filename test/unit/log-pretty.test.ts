import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from '@jest/globals';
import { createLog, type Log } from '../../src/log.ts';
import { prettyLine } from '../../src/log-pretty.ts';

const prettyOf = (write: (log: Log) => void, hasColours = false): string => {
  const lines: string[] = [];
  write(createLog('debug', { write: (line) => void lines.push(prettyLine(line, hasColours)) }));
  return lines.join('').replace(/\d\d:\d\d:\d\d/g, 'TIME');
};

describe('a log line on a terminal', () => {
  test('has the time, the severity, the message, and the fields except those of Cloud Logging', () => {
    const audit = { name: 'a b.csv', size: 3, milliseconds: { put: 25 } };
    expect(prettyOf((log) => log.child({ requestId: 'r1' }).info({ audit }, 'delivered created'))).toBe(
      'TIME INFO     delivered created  requestId=r1 name="a b.csv" size=3 milliseconds={"put":25}\n',
    );
  });

  test('shows an error with its causes and the stack of the last', () => {
    const text = prettyOf((log) =>
      log.error({ error: new Error('outer', { cause: new TypeError('inner') }) }, 'failed'),
    );
    expect(text.split('\n').slice(0, 3)).toEqual(['TIME ERROR    failed', '    Error: outer', '    TypeError: inner']);
    expect(text).toMatch(/\n {8}at /);
  });

  test('escapes terminal control characters in names from callers', () => {
    const text = prettyOf((log) => log.info({ name: 'a\u001b[31m\r\nb\u009b2J' }, 'x\u001b[2J'));
    // biome-ignore lint/suspicious/noControlCharactersInRegex: these must not be there
    expect(text.trimEnd()).not.toMatch(/[\u0000-\u001f\u007f-\u009f]/);
  });

  test('has colours only if the terminal supports them', () => {
    expect(prettyOf((log) => log.warn({}, 'careful'), true)).toContain('\u001b[33mWARNING');
    expect(prettyOf((log) => log.warn({}, 'careful'))).not.toContain('\u001b');
  });

  test('text that is not JSON stays unchanged', () => {
    expect(prettyLine('plain\n', false)).toBe('plain\n');
  });
});

/** Runs the log with standard output on a pseudo terminal, by script(1) of util-linux. */
const onTerminal = (program: string, env: Readonly<Record<string, string>>): string => {
  const log = new URL('../../src/log.ts', import.meta.url).href;
  const source = `const { createLog } = await import(${JSON.stringify(log)}); const log = createLog('info'); ${program}`;
  const { stdout } = spawnSync(
    'script',
    ['--quiet', '--return', '--command', '"$NODE" --input-type=module -e "$SOURCE"', '/dev/null'],
    {
      cwd: fileURLToPath(new URL('../..', import.meta.url)),
      encoding: 'utf8',
      env: { PATH: process.env.PATH, SHELL: '/bin/sh', NODE: process.execPath, SOURCE: source, TERM: 'xterm', ...env },
      timeout: 60_000,
    },
  );
  return stdout.replaceAll('\r', '');
};

const hasScript = spawnSync('script', ['--version']).status === 0;
if (!hasScript) console.warn('SKIPPED: the log on a real terminal, because script(1) is not installed.');

(hasScript ? describe : describe.skip)('standard output that is a terminal', () => {
  test('gets readable lines, in colour', () => {
    const text = onTerminal('log.info({ port: 8080 }, "listening");', {});
    expect(text).toMatch(/\d\d:\d\d:\d\d.*INFO.* listening/);
    expect(text).toContain('port=8080');
    expect(text).toContain('\u001b[32m');
    expect(text).not.toContain('insertId');
  });

  test('gets no colour when NO_COLOR is set', () => {
    const text = onTerminal('log.info({ port: 8080 }, "listening");', { NO_COLOR: '1' });
    expect(text).toMatch(/^\d\d:\d\d:\d\d INFO {5}listening {2}port=8080\n/);
  });
});
