import { expect, test } from '@jest/globals';
import { missed } from './bounds.ts';
import { simulate } from './simulate.ts';

/** The full form is `npm run simulate`. */
test.each([
  { instances: 1, load: 1 },
  { instances: 10, load: 3 },
])('$instances instances at $load times the quota use it well, fairly, and with few rejections', async (setting) => {
  expect(missed(await simulate({ ...setting, minutes: 8, seed: 2 }))).toEqual([]);
});

test('without pacing, the simulation shows the rejections', async () => {
  const outcome = await simulate({ instances: 10, load: 3, minutes: 2, seed: 2, paced: false });
  expect(outcome.rejected).toBeGreaterThan(0.5);
  expect(missed(outcome)).toContainEqual(expect.stringContaining('rejected'));
});
