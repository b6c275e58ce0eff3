import { expect, test } from '@jest/globals';
import { createCutOff } from '../../../src/http/request-context.ts';

test('a waiter is notified once, and a removed one is not', () => {
  const { onCutOff, cutOff } = createCutOff();
  const called: string[] = [];
  const stops = ['first', 'second', 'third', 'fourth'].map((name) => onCutOff(() => called.push(name)));
  // From the middle, twice, and from the end.
  for (const at of [1, 1, 3]) stops[at]?.();
  cutOff();
  cutOff();
  for (const stop of stops) stop();
  expect(called.sort()).toEqual(['first', 'third']);
});

test('a waiter that is added after the end is notified at once', () => {
  const { onCutOff, cutOff } = createCutOff();
  cutOff();
  const called: string[] = [];
  onCutOff(() => called.push('late'))();
  expect(called).toEqual(['late']);
});
