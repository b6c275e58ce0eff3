import { expect, test } from '@jest/globals';
import { createCutOff } from '../../src/http/server/cut-off.ts';

test('who waits is told once, and who waits no longer is not', () => {
  const { onCutOff, cutOff } = createCutOff();
  const told: string[] = [];
  const stops = ['first', 'second', 'third', 'fourth'].map((name) => onCutOff(() => told.push(name)));
  // From the middle, twice, and from the end.
  for (const at of [1, 1, 3]) stops[at]?.();
  cutOff();
  cutOff();
  for (const stop of stops) stop();
  expect(told.sort()).toEqual(['first', 'third']);
});

test('who comes after the end is told at once', () => {
  const { onCutOff, cutOff } = createCutOff();
  cutOff();
  const told: string[] = [];
  onCutOff(() => told.push('late'))();
  expect(told).toEqual(['late']);
});
