import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const execute = promisify(execFile);

/**
 * The commit that a folder's files are: COURIER_COMMIT where the build is told (a build without git's folder), else what git says,
 * with "-dirty" where files were changed since. Undefined where nobody knows.
 */
export const commitOf = async (
  root: string,
  told: string | undefined = process.env.COURIER_COMMIT,
): Promise<string | undefined> => {
  if (told) return told;
  const git = async (...args: string[]): Promise<string> => (await execute('git', args, { cwd: root })).stdout.trim();
  try {
    // A copy inside some other repository is not that repository's.
    if ((await git('rev-parse', '--show-prefix')) !== '') return undefined;
    const commit = await git('rev-parse', 'HEAD');
    return (await git('status', '--porcelain', '--untracked-files=no')) === '' ? commit : `${commit}-dirty`;
  } catch {
    return undefined;
  }
};
