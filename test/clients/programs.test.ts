import { expect, test } from '@jest/globals';
import {
  findCurlWithHttp2,
  findGcloud,
  findHttpx,
  findJava,
  findPackage,
  findPythonAuths,
  findPythonClient,
  findRclone,
  findRequestsToolbelt,
  findWget,
  type Program,
} from '../support/processes/programs.ts';

type Listed = readonly [name: string, program: Program | undefined, source: string];

/** Programs that test the local Google. */
const DRIVE_CLIENTS: readonly Listed[] = [
  ['rclone', findRclone(), 'Debian: rclone'],
  ['googleapiclient for Python', findPythonClient(), 'Debian: python3-googleapi'],
  ['google-auth for Python', findPythonAuths()[0], 'Debian: python3-google-auth, python3-requests'],
  ['google-auth for Python, a second age', findPythonAuths()[1], 'comes with gcloud'],
  ['gcloud', findGcloud(), 'packages.cloud.google.com: google-cloud-cli'],
  ['googleapis for Node', findPackage('googleapis'), 'npm'],
  ['google-auth-library for Node', findPackage('google-auth-library'), 'npm'],
];

/** Programs that send files to the courier. */
const COURIER_CLIENTS: readonly Listed[] = [
  ['curl with HTTP/2', findCurlWithHttp2(), 'Debian: curl'],
  ['wget', findWget(), 'Debian: wget'],
  ['Java with a compiler', findJava(), 'Debian: default-jdk-headless'],
  ['requests-toolbelt for Python', findRequestsToolbelt(), 'Debian: python3-requests-toolbelt'],
  ['httpx for Python', findHttpx(), 'Debian: python3-httpx'],
];

const describeProgram = ([name, program, source]: Listed): string =>
  program === undefined
    ? `  ABSENT   ${name}: its tests are skipped (${source})`
    : `  present  ${name} ${program.version}, as ${Object.values(program.env).concat(program.command).join(' ')}`;

console.info(
  [
    'Judges of the local Google:',
    ...DRIVE_CLIENTS.map(describeProgram),
    'Clients of the courier:',
    ...COURIER_CLIENTS.map(describeProgram),
  ].join('\n'),
);

for (const [name, program] of [...DRIVE_CLIENTS, ...COURIER_CLIENTS])
  (program === undefined ? test.skip : test)(`${name} ${program?.version ?? 'is absent'}`, () => {
    // Java's first release of a year has one number: 21.
    expect(program?.version).toMatch(/^\d+(\.\d+|$)/);
  });
