import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { describe, expect, test } from '@jest/globals';
import { asCourierError, CourierError, ERRORS, type ErrorCode } from '../../src/errors.ts';

const codes = Object.keys(ERRORS) as ErrorCode[];

/** Old-fashioned or private expressions, each of which has a plain word. */
const PRIVATE_WORDS = [
  /\b(?:said|unsaid|mend|mended|spoilt|whom|whence|doubled|twin|twins|told|bring|brings|tell|tells)\b/i,
  /\b(?:for good|all the same|goes on|comes again|come again|may be had|as it says it is|what is wanted)\b/i,
  /\b(?:any more|no longer takes?|does not take|has not|is off|again later|by what right|of the form)\b/i,
  /\b(?:must be|may be) (?:said|told|had)\b/i,
  /\b(?:at this address|this way takes|it can hold|as it should|something is wrong|asks to slow down)\b/i,
];
const privateWordsIn = (text: string): string[] => PRIVATE_WORDS.flatMap((words) => words.exec(text)?.[0] ?? []);

describe('the table of errors', () => {
  test.each(codes)('%s has a title, and a remedy of one sentence', (code) => {
    expect(ERRORS[code].title).toMatch(/^[A-Z].*[^.]$/);
    expect(ERRORS[code].remedy).toMatch(/^[A-Z].*\.$/);
  });

  test.each(codes)('%s is explained in plain words', (code) => {
    for (const text of [ERRORS[code].title, ERRORS[code].remedy]) expect(privateWordsIn(text)).toEqual([]);
  });

  test('only transient errors are retryable, and each has a time to retry', () => {
    for (const code of codes) {
      const error = new CourierError(code);
      expect(error.retryable).toBe([429, 503].includes(error.status));
      expect(error.retryAfterSeconds).toEqual(error.retryable ? 5 : undefined);
    }
  });

  test('a remedy names the account that the error is about, or refers to the courier’s account', () => {
    const about = (account?: string): string => new CourierError('folder-not-found', { facts: { account } }).remedy;
    expect(about('courier@p.iam.gserviceaccount.com')).toMatch(/^Share the folder with courier@p/);
    expect(about()).toMatch(/^Share the folder with the courier's account as/);
    for (const code of codes) expect(new CourierError(code).remedy).not.toMatch(/[{}]/);
  });

  test.each(codes)(
    'each sentence of the remedy for %s begins with a capital letter, also without the facts',
    (code) => {
      expect(new CourierError(code).remedy).not.toMatch(/[.!?] \p{Ll}/u);
    },
  );
});

test('any other thrown value is internal, reveals nothing in the response, and keeps its cause for the log', () => {
  const cause = new Error('ya29.secret');
  const error = asCourierError(cause);
  expect(error).toMatchObject({ code: 'internal', status: 500, detail: undefined, cause });
  expect(error.message).not.toContain('ya29');
  const own = new CourierError('busy');
  expect(asCourierError(own)).toBe(own);
});

test('a caller’s error records no stack, and a server error does', () => {
  const { stackTraceLimit } = Error;
  expect(new CourierError('token-invalid').stack).not.toContain('\n    at ');
  expect(new CourierError('drive-unavailable').stack).toMatch(/\n {4}at .*errors\.test\.ts/);
  expect(Error.stackTraceLimit).toBe(stackTraceLimit);
});

test('errors work with frozen language intrinsics', async () => {
  const errors = new URL('../../src/errors.ts', import.meta.url).href;
  const program = `import { CourierError } from '${errors}';
    console.log(['token-invalid', 'internal'].map((code) => new CourierError(code).code).join());`;
  const args = ['--frozen-intrinsics', '--input-type=module', '-e', program];
  expect((await promisify(execFile)(process.execPath, args)).stdout).toBe('token-invalid,internal\n');
});
