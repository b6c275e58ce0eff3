import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const execute = promisify(execFile);

/**
 * Returns the commit of a folder's files: COURIER_COMMIT if it is set (for builds without the .git folder), else the one that
 * git reports, with "-dirty" if tracked files have changed since. Returns undefined if the commit is unknown.
 */
export const commitOf = async (
  root: string,
  given: string | undefined = process.env.COURIER_COMMIT,
): Promise<string | undefined> => {
  if (given) return given;
  const git = async (...args: string[]): Promise<string> => (await execute('git', args, { cwd: root })).stdout.trim();
  try {
    // A copy inside another repository does not belong to that repository.
    if ((await git('rev-parse', '--show-prefix')) !== '') return undefined;
    const commit = await git('rev-parse', 'HEAD');
    return (await git('status', '--porcelain', '--untracked-files=no')) === '' ? commit : `${commit}-dirty`;
  } catch {
    return undefined;
  }
};
