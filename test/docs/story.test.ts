import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { REPOSITORY } from '../support/pages.ts';

const read = (path: string): string => readFileSync(join(REPOSITORY, path), 'utf8').replace(/\s+(?:\* )?/g, ' ');

/** The steps of a delivery, in order. */
const STEPS = ['authoriz', 'up the key', 'plan', 'claim', 'upload', 'verif', 'share', 'record', 'receipt'];

const inOrder = (text: string): string[] => {
  let at = 0;
  return STEPS.filter((step) => {
    const found = text.indexOf(step, at);
    if (found !== -1) at = found + step.length;
    return found !== -1;
  });
};

test('README and src/deliver.ts describe a delivery with the same words and in the same order', () => {
  const [paragraph = ''] = /To deliver a file, the courier .+?\*\*receipt\*\*\./.exec(read('README.md')) ?? [];
  const [comment = ''] = /\/\*\* Delivers one file.+?\*\//.exec(read('src/deliver.ts')) ?? [];
  expect(inOrder(paragraph.replaceAll('*', ''))).toEqual(STEPS);
  expect(inOrder(comment)).toEqual(STEPS);
});
