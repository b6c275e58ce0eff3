import { expect, test } from '@jest/globals';
import { createRetryPolicy } from '../../../src/google/retry.ts';

test('the budgets of hosts take a bounded amount of memory: that of the least recently used host is forgotten', async () => {
  const { again } = createRetryPolicy({ now: () => 0, random: () => 0.5, sleep: async () => undefined });
  const fail = (host: string): Promise<boolean> => again({ url: `https://${host}/path`, attempt: 1 });
  const exhaust = async (host: string): Promise<void> => {
    while (await fail(host));
  };
  await exhaust('first.example.com');
  await exhaust('second.example.com');
  for (let other = 0; other < 998; other++) await fail(`other-${other}.example.com`);
  expect(await fail('second.example.com')).toBe(false);
  for (let other = 0; other < 10; other++) await fail(`another-${other}.example.com`);
  expect(await fail('first.example.com')).toBe(true);
  expect(await fail('second.example.com')).toBe(false);
});
