import { describe, expect, test } from '@jest/globals';
import { createWire } from '../../../src/ledger/firestore-wire.ts';

/** A wire that answers requests with `answer`, and records them. */
const setUp = (answer: (signal: AbortSignal) => Promise<Response> = async () => new Response('{}')) => {
  const sent: { url: string; authorization: string | null }[] = [];
  const fetch: typeof globalThis.fetch = async (input, init = {}) => {
    sent.push({ url: String(input), authorization: new Headers(init.headers).get('authorization') });
    if (!(init.signal instanceof AbortSignal)) throw new Error('the request has no time limit');
    return answer(init.signal);
  };
  const bearer = { token: async () => 'token', rejected: () => undefined };
  const { wire, run } = createWire({ fetch, ...bearer, attemptTimeoutMs: 60_000 });
  return { wire, run, sent };
};

const never = (signal: AbortSignal): Promise<Response> =>
  new Promise((_, reject) => {
    if (signal.aborted) reject(signal.reason);
    signal.addEventListener('abort', () => reject(signal.reason), { once: true });
  });

const URL_OF_GOOGLE = 'https://firestore.googleapis.com/v1/x';

describe('requests of the Firestore library', () => {
  test.each([
    [URL_OF_GOOGLE, 'Bearer token'],
    ['http://localhost:8080/v1/x', null],
  ])('have a token only over HTTPS: %s', async (url, authorization) => {
    const { wire, sent } = setUp();
    expect((await wire.fetch(url)).status).toBe(200);
    expect(sent).toEqual([{ url, authorization }]);
  });

  test('need an auth client, which is never used', async () => {
    expect(await setUp().wire.getClient()).toEqual({});
  });
});

describe('a call that was given up', () => {
  test('rejects at once, and its request is answered as cancelled, which the library does not retry', async () => {
    const { wire, run } = setUp(never);
    const controller = new AbortController();
    let answered: Promise<Response> | undefined;
    const call = run(controller.signal, () => {
      answered = wire.fetch(URL_OF_GOOGLE);
      return answered;
    });
    controller.abort(new Error('given up'));
    await expect(call).rejects.toThrow('given up');
    expect((await answered)?.status).toBe(499);
  });

  test('sends no further request', async () => {
    const { wire, run, sent } = setUp();
    const controller = new AbortController();
    const { promise, resolve } = Promise.withResolvers<Response>();
    const call = run(controller.signal, async () => {
      await new Promise((next) => setImmediate(next));
      resolve(await wire.fetch(URL_OF_GOOGLE));
    });
    controller.abort(new Error('given up'));
    await expect(call).rejects.toThrow('given up');
    expect((await promise).status).toBe(499);
    expect(sent).toEqual([]);
  });

  test('is distinguished from a request that failed', async () => {
    const { wire, run } = setUp(() => Promise.reject(new TypeError('connection reset')));
    await expect(run(new AbortController().signal, () => wire.fetch(URL_OF_GOOGLE))).rejects.toThrow(
      'connection reset',
    );
  });
});
