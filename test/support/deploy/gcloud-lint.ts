import { execFile, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { withoutInner } from './shell-commands.ts';

const execute = promisify(execFile);

const GCLOUD = 'gcloud';

export const hasGcloud = spawnSync(GCLOUD, ['--version']).status === 0;

/** Every gcloud command in a text, up to what ends a command in a shell or in a sentence. "x" replaces variables. */
export const gcloudCommandsIn = (text: string): string[] =>
  [...withoutInner(text).matchAll(/gcloud [a-z][^\n;&|`]*/g)].map(([command]) =>
    command
      .replace(/, (and|or) .*$/, '')
      .replace(/\)$/, '')
      .replace(/ >\s*\S+$/, '')
      .replaceAll(/\$\{?\w+\}?/g, 'x')
      .replaceAll(/\s+/g, ' ')
      .trim(),
  );

/** The problems that gcloud itself finds in these command lines. It checks them offline and runs none. */
export const lintGcloud = async (commands: readonly string[]): Promise<{ command: string; why: string }[]> => {
  const folder = mkdtempSync(join(tmpdir(), 'gcloud-lint-'));
  try {
    const file = join(folder, 'commands.json');
    writeFileSync(file, JSON.stringify(commands.map((command) => ({ command_string: command }))));
    const { stdout } = await execute(GCLOUD, ['meta', 'lint-gcloud-commands', `--commands-file=${file}`], {
      // It creates the files that a command would write to.
      cwd: folder,
      maxBuffer: 1 << 28,
      env: { ...process.env, CLOUDSDK_CONFIG: join(folder, 'config') },
    });
    const answers = JSON.parse(stdout) as { success: boolean; command_string: string; error_message: string | null }[];
    if (answers.length !== commands.length) throw new Error(`gcloud looked at ${answers.length} of ${commands.length}`);
    return answers
      .filter(({ success }) => !success)
      .map(({ command_string, error_message }) => ({ command: command_string, why: error_message ?? '' }));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
};
