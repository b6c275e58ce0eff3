import { expect, test } from '@jest/globals';
import { withTimeLimit } from '../../../src/credentials/google-library.ts';
import { watchTimers } from '../../support/processes/running-timers.ts';

const URL_OF_ALL = 'https://oauth2.googleapis.com/token';
const LONG_MS = 3_600_000;

/** Like a server that accepts the request and never responds. */
const silent: typeof globalThis.fetch = (_input, init) =>
  new Promise((_resolve, reject) => {
    const { signal } = init ?? {};
    if (signal?.aborted) reject(signal.reason);
    signal?.addEventListener('abort', () => reject(signal.reason), { once: true });
  });

test('a call without a response ends at the time limit', async () => {
  await expect(withTimeLimit(silent, 50)(URL_OF_ALL)).rejects.toMatchObject({ name: 'TimeoutError' });
});

test("a caller's own signal still ends a call, with its own reason", async () => {
  const reason = new Error('left');
  const controller = new AbortController();
  const call = withTimeLimit(silent, LONG_MS)(URL_OF_ALL, { signal: controller.signal });
  controller.abort(reason);
  await expect(call).rejects.toBe(reason);
  await expect(withTimeLimit(silent, LONG_MS)(URL_OF_ALL, { signal: controller.signal })).rejects.toBe(reason);
});

test('requests are passed on unchanged', async () => {
  const asked: unknown[] = [];
  const limited = withTimeLimit(async (input, init) => {
    asked.push(input, init?.method, init?.body);
    return new Response('answer');
  }, LONG_MS);
  const response = await limited(URL_OF_ALL, { method: 'POST', body: 'grant' });
  expect([await response.text(), asked]).toEqual(['answer', [URL_OF_ALL, 'POST', 'grant']]);
});

test.each([
  ['is answered', async () => new Response()],
  ['fails', () => Promise.reject(new Error('no way there'))],
] as const)('the timer ends with a call that %s', async (_what, fetch) => {
  const timers = watchTimers();
  try {
    await withTimeLimit(fetch, LONG_MS)(URL_OF_ALL).catch(() => undefined);
    // Node reports the end of a timer in a later turn.
    await new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
    expect(timers.running(LONG_MS)).toEqual([]);
  } finally {
    timers.stop();
  }
});
