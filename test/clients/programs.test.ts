import { expect, test } from '@jest/globals';
import {
  findGcloud,
  findPackage,
  findPythonAuths,
  findPythonClient,
  findRclone,
  type Program,
} from '../support/programs.ts';

/** Who judges the local Google; whoever is not here judges nothing, and that shall be seen. */
const JUDGES: readonly [string, Program | undefined, string][] = [
  ['rclone', findRclone(), 'Debian: rclone'],
  ['googleapiclient for Python', findPythonClient(), 'Debian: python3-googleapi'],
  ['google-auth for Python', findPythonAuths()[0], 'Debian: python3-google-auth, python3-requests'],
  ['google-auth for Python, a second age', findPythonAuths()[1], 'comes with gcloud'],
  ['gcloud', findGcloud(), 'packages.cloud.google.com: google-cloud-cli'],
  ['googleapis for Node', findPackage('googleapis'), 'npm'],
  ['google-auth-library for Node', findPackage('google-auth-library'), 'npm'],
];

console.info(
  [
    'Judges of the local Google:',
    ...JUDGES.map(([name, program, where]) =>
      program === undefined
        ? `  ABSENT   ${name}: its tests are skipped (${where})`
        : `  present  ${name} ${program.version}, as ${Object.values(program.env).concat(program.command).join(' ')}`,
    ),
  ].join('\n'),
);

for (const [name, program] of JUDGES)
  (program === undefined ? test.skip : test)(`${name} ${program?.version ?? 'is absent'}`, () => {
    expect(program?.version).toMatch(/^\d+\.\d+/);
  });
