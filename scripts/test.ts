import { spawnSync } from 'node:child_process';
import { join } from 'node:path';

/**
 * `node scripts/test.ts quick|slow [Jest's options and files]`
 *
 * The quick suites are all except the slow ones, and take at most four minutes on two cores. If you name a file or folder,
 * only its tests are run, whether they are quick or slow.
 */

/** Suites that start many processes, wait in real time, or need third-party programs. */
const SLOW = [
  'test/(bad-days|chaos|clients|deploy|hostile|monitoring|mutate|soak|worlds)/',
  'test/e2e/(client|demo|drive|engine|examples|exports|identity|once|recipes|rights|sheets|telemetry)/',
  'test/exports/queries/staged-results',
  'test/(build/deployed|contract/ledger-firestore|http/(bodies/unread-lines|fuzz|slowness|unpack/unpack-bombs))',
  'test/unit/client/stalled-google',
];

const JEST = ['--experimental-vm-modules', '--disable-warning=ExperimentalWarning', 'node_modules/jest/bin/jest.js'];

const selectionOf = (which: string, options: readonly string[]): readonly string[] => {
  if (options.some((option) => option.startsWith('test/'))) return [];
  return which === 'slow' ? ['--testPathPatterns', ...SLOW] : ['--testPathIgnorePatterns', '/node_modules/', ...SLOW];
};

const durationText = (milliseconds: number): string => {
  const seconds = Math.round(milliseconds / 1_000);
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`;
};

const [which = 'quick', ...options] = process.argv.slice(2);
const startedMs = Date.now();
const { status } = spawnSync(process.execPath, [...JEST, ...options, ...selectionOf(which, options)], {
  cwd: join(import.meta.dirname, '..'),
  stdio: 'inherit',
});
if (!options.includes('--listTests'))
  console.error(`The ${which} suites took ${durationText(Date.now() - startedMs)} minutes.`);
process.exitCode = status ?? 1;
