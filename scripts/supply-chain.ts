// Checks the supply chain: lock file, install scripts, licences, known vulnerabilities, and the newest Node. Also checks
// that no file contains a secret or a path of one machine.
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { readLock } from './build/packages/lockfile.ts';
import { audit } from './supply-chain/audit.ts';
import {
  installScriptFaults,
  integrityFaults,
  licenceFaults,
  npmrcFaults,
  pinningFaults,
} from './supply-chain/lockfile-checks.ts';
import { nodeFaults, nodeWarning, offeredNodes } from './supply-chain/node-version.ts';
import { machinePathFaults, secretFaults, type Text } from './supply-chain/text-checks.ts';

const root = fileURLToPath(new URL('..', import.meta.url));

/** Files that git tracks or would track. Binary files such as pictures are skipped. */
const textsOf = (): Text[] =>
  execFileSync('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], { cwd: root, encoding: 'utf8' })
    .split('\0')
    .filter((path) => path !== '' && existsSync(join(root, path)))
    .map((path) => ({ path, text: readFileSync(join(root, path), 'utf8') }))
    .filter(({ text }) => !text.includes('\0'));

const main = async (): Promise<number> => {
  const lock = await readLock(root);
  const texts = textsOf();
  const { dependencies, devDependencies, optionalDependencies } = JSON.parse(
    readFileSync(join(root, 'package.json'), 'utf8'),
  );
  const npmrc = existsSync(join(root, '.npmrc')) ? readFileSync(join(root, '.npmrc'), 'utf8') : '';
  const checks: Record<string, string[]> = {
    [`lock file, ${lock.size - 1} packages`]: [...integrityFaults(lock), ...npmrcFaults(npmrc)],
    'exact versions': pinningFaults({ dependencies, devDependencies, optionalDependencies }),
    'install scripts': installScriptFaults(lock),
    licences: licenceFaults(lock),
    [`secrets, ${texts.length} files`]: secretFaults(texts),
    'paths of one machine': machinePathFaults(texts, root.replace(/\/$/, '')),
  };
  const audited = await audit(root);
  if ('notChecked' in audited) console.warn(`\nNOT CHECKED: known vulnerabilities, because ${audited.notChecked}.\n`);
  else checks['known vulnerabilities'] = audited.faults;

  const nodes = await offeredNodes(root);
  if ('notChecked' in nodes)
    console.warn(`\nNOT CHECKED: whether the newest Node is pinned, because ${nodes.notChecked}.\n`);
  else checks['the newest Node'] = nodeFaults(devDependencies.node, nodes.offered);
  const warning = nodeWarning(devDependencies.node);
  if (warning !== undefined) console.warn(`\nWARNING: ${warning}\n`);

  for (const [name, faults] of Object.entries(checks)) {
    console.log(`${name}: ${faults.length === 0 ? 'ok' : `${faults.length} fault(s)`}`);
    for (const fault of faults) console.error(`  ${fault}`);
  }
  return Object.values(checks).every((faults) => faults.length === 0) ? 0 : 1;
};

process.exitCode = await main();
