// Writes docs/errors.md, and the table of errors in README.md, from src/errors.ts; with --check, says what is stale and exits 1.
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { ERRORS } from '../src/errors.ts';

const root = fileURLToPath(new URL('../', import.meta.url));
const START = '<!-- errors: made by "npm run docs", do not edit -->';
const END = '<!-- /errors -->';

const plain = (text: string): string =>
  text.replace(/\{account\}/g, 'the account').replace(/\{secret\}/g, 'the secret');

const table = (): string =>
  [
    '| status | code | again later? | what it means | what to do |',
    '| --- | --- | --- | --- | --- |',
    ...Object.entries(ERRORS).map(
      ([code, { status, retryable, title, remedy }]) =>
        `| ${status} | \`${code}\` | ${retryable ? 'yes' : 'no'} | ${title}. | ${plain(remedy).replace(/\|/g, '\\|')} |`,
    ),
  ].join('\n');

const page = (): string => `# Errors

Every failure is answered as \`application/problem+json\` (RFC 9457) with these members: \`type\`, \`title\`, \`status\`, \`code\`, \`detail\`, \`remedy\`, \`retryable\`, \`requestId\`. Match on \`code\`: it is stable. \`detail\` names what was wrong with this very request; \`remedy\` says what to do. Where \`retryable\` is true the answer has a \`Retry-After\` header, and the same request with the same \`Idempotency-Key\` never makes a second file.

Codes of status 502 are faults of the set-up: nothing helps until an operator acts, and the remedy says how. \`GET /v1/doctor\` finds them before callers do.

This page is made from the table that the program itself uses.

${table()}
`;

const withTable = (readme: string): string => {
  const [start, end] = [readme.indexOf(START), readme.indexOf(END)];
  if (start === -1 || end === -1) throw new Error(`README.md lacks ${START} … ${END}`);
  return `${readme.slice(0, start)}${START}\n${table()}\n${readme.slice(end)}`;
};

const wanted: [string, string][] = [
  ['docs/errors.md', page()],
  ['README.md', withTable(readFileSync(`${root}README.md`, 'utf8'))],
];

const current = (file: string): string => {
  try {
    return readFileSync(`${root}${file}`, 'utf8');
  } catch {
    return '';
  }
};

const stale = wanted.filter(([file, text]) => current(file) !== text);
if (process.argv.includes('--check')) {
  for (const [file] of stale) console.error(`${file} does not say what src/errors.ts says; run "npm run docs"`);
  process.exitCode = stale.length > 0 ? 1 : 0;
} else {
  for (const [file, text] of stale) writeFileSync(`${root}${file}`, text);
}
