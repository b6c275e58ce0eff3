import { expect, test } from '@jest/globals';
import { checkConversion } from '../../../src/delivery/checks/check-conversion.ts';
import type { Drive } from '../../../src/drive/drive.ts';

const SHEET = 'application/vnd.google-apps.spreadsheet';
const DOC = 'application/vnd.google-apps.document';

const createImports = () => {
  let calls = 0;
  const answers: (() => ReturnType<Drive['imports']>)[] = [];
  const imports: Drive['imports'] = async () => {
    calls += 1;
    return (
      answers.shift()?.() ?? {
        formats: { 'text/csv': [SHEET], 'text/plain': [DOC], 'application/pdf': [DOC] },
        maxSizes: { [SHEET]: 100, [DOC]: 50 },
      }
    );
  };
  return { drive: { imports }, calls: () => calls, answers };
};

const csv = { mimeType: 'text/csv', size: 10, convertTo: 'sheet', context: {}, now: () => 0 } as const;

test.each(['text/csv', 'TEXT/CSV', 'text/csv; charset=utf-8', 'text/csv ; charset=utf-8', ' text/csv'])(
  '%s becomes a sheet',
  async (mimeType) => {
    expect(await checkConversion({ ...csv, drive: createImports().drive, mimeType })).toBe(SHEET);
  },
);

test.each([
  ['a type that Drive converts to something else', { mimeType: 'text/plain' }, /text\/plain.*"sheet".*offers "doc"/],
  ['a type that Drive does not convert', { mimeType: 'image/webp' }, /image\/webp.*offers nothing/],
  ['a name that only looks like a type', { mimeType: 'constructor' }, /offers nothing/],
  ['a file that is too large', { size: 101 }, /101 bytes.*at most 100/],
])('rejects %s with the reason', async (_, wrong, reason) => {
  await expect(checkConversion({ ...csv, drive: createImports().drive, ...wrong })).rejects.toMatchObject({
    code: 'conversion-refused',
    status: 422,
    detail: expect.stringMatching(reason),
  });
});

test.each([100, undefined])('accepts a size of %s', async (size) => {
  expect(await checkConversion({ ...csv, drive: createImports().drive, size })).toBe(SHEET);
});

test('calls Drive once for concurrent callers, and again after an hour', async () => {
  const { drive, calls } = createImports();
  await Promise.all(Array.from({ length: 20 }, () => checkConversion({ ...csv, drive })));
  expect(calls()).toBe(1);
  await checkConversion({ ...csv, drive, now: () => 3_599_999 });
  expect(calls()).toBe(1);
  await checkConversion({ ...csv, drive, now: () => 3_600_000 });
  expect(calls()).toBe(2);
});

test('a failed call is repeated, and another account has its own call', async () => {
  const { drive, calls, answers } = createImports();
  answers.push(() => Promise.reject(new Error('down')));
  await expect(checkConversion({ ...csv, drive })).rejects.toThrow('down');
  expect(await checkConversion({ ...csv, drive })).toBe(SHEET);
  expect(calls()).toBe(2);
  const other = createImports();
  await checkConversion({ ...csv, drive: other.drive });
  expect(other.calls()).toBe(1);
});

test('a cancelled caller leaves, and the others get their result', async () => {
  const { drive, answers } = createImports();
  let answer: (() => void) | undefined;
  answers.push(
    () =>
      new Promise((resolve) => {
        answer = () => resolve({ formats: { 'text/csv': [SHEET] }, maxSizes: {} });
      }),
  );
  const controller = new AbortController();
  const leaving = checkConversion({ ...csv, drive, context: { signal: controller.signal } });
  const staying = checkConversion({ ...csv, drive });
  controller.abort(new Error('gone'));
  await expect(leaving).rejects.toThrow('gone');
  answer?.();
  expect(await staying).toBe(SHEET);
});
