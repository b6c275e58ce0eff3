import { execFile } from 'node:child_process';
import { z } from 'zod';

/** The release that fixes the known vulnerabilities of earlier ones: https://nodejs.org/en/blog/vulnerability */
export const SAFE_NODE = '24.22.1';

const MAJOR = SAFE_NODE.split('.')[0];

/** Returns a negative number if `one` is the older version. */
const compare = (one: string, other: string): number => {
  const [a, b] = [one, other].map((version) => version.split('.').map(Number));
  for (let at = 0; at < 3; at++) {
    const difference = (a?.[at] ?? 0) - (b?.[at] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
};

/** The newest release of the major version that the project is built for. */
const newestOf = (offered: readonly string[]): string | undefined =>
  offered
    .filter((version) => new RegExp(`^${MAJOR}\\.\\d+\\.\\d+$`).test(version))
    .toSorted(compare)
    .at(-1);

/** The faults of the pinned Node, compared with the versions in the registry. */
export const nodeFaults = (pinned: string | undefined, offered: readonly string[]): string[] => {
  if (pinned === undefined) return ['package.json pins no Node: devDependencies has no "node"'];
  const newest = newestOf(offered);
  if (newest === undefined) return [`the registry offers no Node ${MAJOR}`];
  return compare(pinned, newest) < 0
    ? [
        `Node ${pinned} is pinned, and the registry offers ${newest}: npm install --save-dev --save-exact node@${newest}`,
      ]
    : [];
};

/** A warning, not a fault, if even the newest version in the registry lacks security fixes: no better version can be pinned. */
export const nodeWarning = (pinned: string | undefined): string | undefined =>
  pinned !== undefined && compare(pinned, SAFE_NODE) < 0
    ? `Node ${pinned}, with which the project's own scripts run, lacks the security fixes of ${SAFE_NODE}. The registry has no newer "node" yet. What is deployed runs on the platform's Node.`
    : undefined;

/** The versions of the package "node", or the reason why they could not be checked. */
export const offeredNodes = (
  root: string,
  env: NodeJS.ProcessEnv = process.env,
): Promise<{ offered: string[] } | { notChecked: string }> =>
  new Promise((resolve) => {
    const args = ['view', 'node', 'versions', '--json'];
    execFile('npm', args, { cwd: root, env, maxBuffer: 1 << 24, timeout: 60_000 }, (_, stdout) => {
      try {
        resolve({ offered: z.array(z.string()).min(1).parse(JSON.parse(stdout)) });
      } catch {
        resolve({ notChecked: 'the registry did not answer "npm view node versions"' });
      }
    });
  });
