// Writes docs/errors.md from src/errors.ts. With --check, exits with 1 if the page is out of date.
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { ERRORS } from '../src/errors.ts';

const root = fileURLToPath(new URL('../', import.meta.url));

const plain = (text: string): string =>
  text.replaceAll('{courier}', "the courier's service account").replace(/\{(\w+)\}/g, 'the $1');

const table = (): string =>
  [
    '| status | code | retryable | meaning | what to do |',
    '| --- | --- | --- | --- | --- |',
    ...Object.entries(ERRORS).map(
      ([code, { status, retryable, title, remedy }]) =>
        `| ${status} | \`${code}\` | ${retryable ? 'yes' : 'no'} | ${title}. | ${plain(remedy).replace(/\|/g, '\\|')} |`,
    ),
  ].join('\n');

const page = (): string => `# Errors

Every error response is \`application/problem+json\` (RFC 9457) with these members: \`type\`, \`title\`, \`status\`, \`code\`, \`detail\`, \`remedy\`, \`retryable\`, \`requestId\`. Match on \`code\`: it is stable. \`detail\` describes what is wrong with this request, and \`remedy\` says what to do. If \`retryable\` is true, the response has a \`Retry-After\` header; repeating the request with the same \`Idempotency-Key\` never creates a second file.

Codes with status 502 are faults in the set-up. Retrying does not help: an operator must act, and the remedy says how. \`GET /v1/doctor\` finds these faults before callers do.

This page is generated from the table that the program uses.

${table()}
`;

const wanted: [string, string][] = [['docs/errors.md', page()]];

const current = (file: string): string => {
  try {
    return readFileSync(`${root}${file}`, 'utf8');
  } catch {
    return '';
  }
};

const stale = wanted.filter(([file, text]) => current(file) !== text);
if (process.argv.includes('--check')) {
  for (const [file] of stale) console.error(`${file} is out of date with src/errors.ts. Run "npm run docs".`);
  process.exitCode = stale.length > 0 ? 1 : 0;
} else {
  for (const [file, text] of stale) writeFileSync(`${root}${file}`, text);
}
