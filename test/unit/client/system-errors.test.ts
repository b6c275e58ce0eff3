import { expect, test } from '@jest/globals';
import { systemErrorText } from '../../../src/client/http/system-errors.ts';

const textOf = (code: string) => systemErrorText(Object.assign(new Error('write'), { code }));

test('what stops a manifest from growing, and a network file system from answering, has words', () => {
  expect(textOf('EFBIG')).toBe('File too large');
  expect(textOf('EDQUOT')).toBe('Disk quota exceeded');
  expect(textOf('ESTALE')).toBe('Stale file handle');
});

test('a code without words is shown itself', () => {
  expect(textOf('EXYZ')).toBe('EXYZ');
  expect(systemErrorText(new Error('no code'))).toBeUndefined();
});
