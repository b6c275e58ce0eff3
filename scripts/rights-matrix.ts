// Which way to write works where: the table of docs/credentials.md (and README.md). Every cell is tried by
// test/e2e/rights/matrix.test.ts. Writes it between its marks; with --check, says what is stale and exits 1.
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { ERRORS, type ErrorCode } from '../src/errors.ts';

/** What comes of a delivery: a file, or a code of docs/errors.md. */
export type Outcome = 'created' | ErrorCode;

export const PLACES = ['sharedDrive', 'myDriveFolder', 'unsharedFolder'] as const;
export type PlaceName = (typeof PLACES)[number];

export interface Right {
  /** For the test's names and the configuration's. */
  id: string;
  /** As the table has it. */
  way: string;
  actsAs: string;
  outcomes: Readonly<Record<PlaceName, Outcome>>;
}

/** A service account owns no storage: it can fill a shared drive, and no folder of My Drive. */
const ACCOUNT = {
  sharedDrive: 'created',
  myDriveFolder: 'no-storage-quota',
  unsharedFolder: 'folder-not-found',
} as const;
/** A person's files are theirs, wherever they may write. */
const PERSON = { sharedDrive: 'created', myDriveFolder: 'created', unsharedFolder: 'folder-not-found' } as const;
/** The platform gave a token without the scope, without a word. */
const SCOPELESS = {
  sharedDrive: 'scope-insufficient',
  myDriveFolder: 'scope-insufficient',
  unsharedFolder: 'scope-insufficient',
} as const;

export const RIGHTS: readonly Right[] = [
  { id: 'key', way: '`secret` or `file`: a service account’s key', actsAs: 'the account', outcomes: ACCOUNT },
  { id: 'key-subject', way: '… with a `subject`', actsAs: 'the user', outcomes: PERSON },
  { id: 'person', way: '`secret` or `file`: an `authorized_user`', actsAs: 'the person', outcomes: PERSON },
  { id: 'federation', way: '`secret` or `file`: an `external_account`', actsAs: 'the account', outcomes: ACCOUNT },
  {
    id: 'impersonated-file',
    way: '`secret` or `file`: an `impersonated_service_account`',
    actsAs: 'the account',
    outcomes: ACCOUNT,
  },
  { id: 'impersonate', way: '`impersonate`', actsAs: 'the account', outcomes: ACCOUNT },
  { id: 'impersonate-subject', way: '`impersonate` with a `subject`', actsAs: 'the user', outcomes: PERSON },
  { id: 'adc', way: '`adc` on Cloud Run and Cloud Functions', actsAs: 'the platform’s account', outcomes: ACCOUNT },
  {
    id: 'adc-scopeless',
    way: '`adc` on Compute Engine and App Engine flexible',
    actsAs: 'the platform’s account',
    outcomes: SCOPELESS,
  },
];

const cell = (outcome: Outcome): string => (outcome === 'created' ? 'yes' : `${ERRORS[outcome].status} \`${outcome}\``);

/** The matrix as Markdown. */
export const rightsTable = (): string =>
  [
    '| way to write | files are made by | shared drive | folder of somebody’s My Drive | folder that is not shared |',
    '| --- | --- | --- | --- | --- |',
    ...RIGHTS.map(
      ({ way, actsAs, outcomes }) =>
        `| ${way} | ${actsAs} | ${PLACES.map((place) => cell(outcomes[place])).join(' | ')} |`,
    ),
  ].join('\n');

const START = '<!-- rights: made by "npm run docs", do not edit -->';
const END = '<!-- /rights -->';
const FILES = ['docs/credentials.md', 'README.md'];

const run = (isCheck: boolean): void => {
  for (const file of FILES) {
    const path = fileURLToPath(new URL(`../${file}`, import.meta.url));
    const text = readFileSync(path, 'utf8');
    const [start, end] = [text.indexOf(START), text.indexOf(END)];
    if (start === -1 || end === -1) continue;
    const wanted = `${text.slice(0, start)}${START}\n${rightsTable()}\n${text.slice(end)}`;
    if (wanted === text) continue;
    if (!isCheck) writeFileSync(path, wanted);
    else {
      console.error(`${file} does not have the matrix of scripts/rights-matrix.ts; run it`);
      process.exitCode = 1;
    }
  }
};

if (import.meta.main) run(process.argv.includes('--check'));
