// Writes the table in docs/credentials.md that shows which credentials work for which folder. test/e2e/rights/matrix.test.ts
// tries every cell. With --check, exits with 1 if the table is out of date.
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { ERRORS, type ErrorCode } from '../src/errors.ts';

/** The result of a delivery: a file, or a code of docs/errors.md. */
export type Outcome = 'created' | ErrorCode;

export const PLACES = ['sharedDrive', 'myDriveFolder', 'unsharedFolder'] as const;
export type PlaceName = (typeof PLACES)[number];

export interface Right {
  /** Names the test and the configuration. */
  id: string;
  /** The text in the table. */
  way: string;
  actsAs: string;
  outcomes: Readonly<Record<PlaceName, Outcome>>;
}

/** A service account owns no storage: it can write to a shared drive, but not to a folder in My Drive. */
const ACCOUNT = {
  sharedDrive: 'created',
  myDriveFolder: 'no-storage-quota',
  unsharedFolder: 'folder-not-found',
} as const;
/** A person owns storage, and can write wherever they have access. */
const PERSON = { sharedDrive: 'created', myDriveFolder: 'created', unsharedFolder: 'folder-not-found' } as const;
/** The platform issues a token without the requested scope, and reports no error. */
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
    '| credentials | files are owned by | shared drive | folder in a person’s My Drive | folder that is not shared |',
    '| --- | --- | --- | --- | --- |',
    ...RIGHTS.map(
      ({ way, actsAs, outcomes }) =>
        `| ${way} | ${actsAs} | ${PLACES.map((place) => cell(outcomes[place])).join(' | ')} |`,
    ),
  ].join('\n');

const START = '<!-- rights: made by "npm run docs", do not edit -->';
const END = '<!-- /rights -->';
const FILE = 'docs/credentials.md';

const run = (isCheck: boolean): void => {
  const path = fileURLToPath(new URL(`../${FILE}`, import.meta.url));
  const text = readFileSync(path, 'utf8');
  const [start, end] = [text.indexOf(START), text.indexOf(END)];
  if (start === -1 || end === -1) throw new Error(`${FILE} lacks ${START} … ${END}`);
  const wanted = `${text.slice(0, start)}${START}\n${rightsTable()}\n${text.slice(end)}`;
  if (wanted === text) return;
  if (!isCheck) writeFileSync(path, wanted);
  else {
    console.error(`${FILE} is out of date with scripts/rights-matrix.ts. Run "npm run docs".`);
    process.exitCode = 1;
  }
};

if (import.meta.main) run(process.argv.includes('--check'));
