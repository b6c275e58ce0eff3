import { describe, expect, test } from '@jest/globals';
import { createSendAllWorld } from './send-all-world.ts';

const { courier, write, inFolder, run } = createSendAllWorld();

describe('errors that every file would get end the run', () => {
  test.each([
    [403, 'caller-not-allowed', 8],
    [401, 'token-invalid', 8],
    [502, 'key-revoked', 32],
    [503, 'drive-unavailable', 32],
  ])('%d %s', async (status, code, mostRequests) => {
    for (let index = 0; index < 60; index++) write(`x/${index}`, String(index));
    courier().state.refuse = () => ({ status, code });
    const { error } = await run(inFolder('x'));
    expect(error).toMatchObject({ code });
    expect(courier().state.requests).toBeLessThanOrEqual(mostRequests + 16);
  });

  test('errors about one file do not', async () => {
    for (let index = 0; index < 40; index++) write(`x/${index}`, String(index));
    courier().state.refuse = () => ({ status: 409, code: 'name-taken' });
    const { error, failures } = await run(inFolder('x'), { onConflict: 'fail' });
    expect(error).toMatchObject({ code: 'files-failed', exitCode: 1 });
    expect(failures).toHaveLength(40);
  });
});

describe('concurrency', () => {
  const writeMany = (count: number): void => {
    for (let index = 0; index < count; index++) write(`x/${index}`, String(index));
  };

  test('is bounded, and connections are used again', async () => {
    writeMany(30);
    courier().state.before = () => new Promise((resolve) => setTimeout(resolve, 40));
    await run(inFolder('x'), { concurrency: 5 });
    expect(courier().state.most).toBe(5);
    expect(courier().state.connections).toBe(5);
  });

  test('is halved by an answer 429, once for the files that are on the way, and grows slowly', async () => {
    writeMany(60);
    /** The most requests at the same time since the last one that ended, for each request. */
    const seen: number[] = [];
    courier().state.refuse = (_, turn) => (turn > 8 && turn <= 16 ? { status: 429, code: 'busy' } : undefined);
    courier().state.before = async () => {
      await new Promise((resolve) => setTimeout(resolve, 30));
      seen.push(courier().state.most);
      courier().state.most = 0;
    };
    const patient = courier().client({ retry: { attempts: 9, baseMs: 1 } });
    const { receipts } = await run(inFolder('x'), { concurrency: 8 }, patient);
    expect(receipts).toHaveLength(60);
    expect(Math.max(...seen.slice(0, 8))).toBe(8);
    // The refused ones are repeated; after them, four at a time, and soon five.
    const later = seen.slice(24, 31);
    expect(Math.max(...later)).toBeGreaterThanOrEqual(4);
    expect(Math.max(...later)).toBeLessThanOrEqual(6);
  });

  test.each([0, 101, 1.5])('%d is refused', async (concurrency) => {
    expect((await run([], { concurrency })).error).toMatchObject({ code: 'usage' });
  });
});
