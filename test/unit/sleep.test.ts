import { expect, test } from '@jest/globals';
import { CourierError } from '../../src/errors.ts';
import { askUntilFound, realSleep } from '../../src/sleep.ts';

const waiting = (signal: AbortSignal) =>
  askUntilFound(undefined, { ask: async () => undefined, pausesMs: [60_000], sleep: realSleep, signal });

test.each([
  ['while it waits', false],
  ['before it waits', true],
])('a question that is repeated ends with the reason of the signal that aborts it %s', async (_, isEarly) => {
  const reason = new CourierError('google-unavailable');
  const controller = new AbortController();
  if (isEarly) controller.abort(reason);
  const answer = waiting(controller.signal);
  controller.abort(reason);
  await expect(answer).rejects.toBe(reason);
});

test('a question that is repeated ends with an error that can be retried if the signal has another reason', async () => {
  const controller = new AbortController();
  const answer = waiting(controller.signal);
  controller.abort();
  await expect(answer).rejects.toMatchObject({ code: 'drive-unavailable', retryable: true });
});
