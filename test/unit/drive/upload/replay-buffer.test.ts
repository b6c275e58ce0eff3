import { hash } from 'node:crypto';
import { afterEach, describe, expect, test } from '@jest/globals';
import { createBufferBudget } from '../../../../src/drive/upload/buffer-budget.ts';
import { createReplayBuffer, type ReplayBuffer } from '../../../../src/drive/upload/replay-buffer.ts';

const BLOCK = 10;

const bytesOf = (size: number): Buffer => Buffer.from(Array.from({ length: size }, (_, at) => (at * 7) & 255));

async function* inPieces(bytes: Uint8Array, length: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.byteLength; at += length) yield bytes.subarray(at, at + length);
}

const opened: ReplayBuffer[] = [];
afterEach(() => {
  for (const window of opened.splice(0)) window.close();
});

interface Opening {
  piece?: number;
  blocks?: number;
  size?: number | undefined;
  maxBytes?: number;
  skip?: number;
}

/** A replay buffer over bytes, and the requests to its lease: every acquired block must be returned. */
const open = async (bytes: Uint8Array, { piece = 7, blocks = 8, size, maxBytes = 1e6, skip }: Opening = {}) => {
  const budget = createBufferBudget({ bytes: blocks * BLOCK, maxWaiters: 1, blockBytes: BLOCK });
  const lease = await budget.lease(2);
  const counted = { taken: 0, given: 0, most: 0 };
  const window = createReplayBuffer({
    bytes: inPieces(bytes, piece),
    lease: {
      ...lease,
      take() {
        const block = lease.take();
        if (block !== undefined) counted.taken += 1;
        counted.most = Math.max(counted.most, counted.taken - counted.given);
        return block;
      },
      give(block) {
        counted.given += 1;
        lease.give(block);
      },
    },
    blockBytes: BLOCK,
    maxBytes,
    size,
    ...(skip === undefined ? {} : { skip }),
  });
  opened.push(window);
  return { window, counted, budget };
};

const turn = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 5));

describe('reading ahead', () => {
  test.each([
    [29, true],
    [30, true],
    [31, false],
  ])('of %i bytes returns everything up to 30 bytes: %s', async (size, isWhole) => {
    const bytes = bytesOf(size);
    const { window } = await open(bytes);
    expect(await window.readAhead(30)).toEqual(isWhole ? { sha256: hash('sha256', bytes), size } : undefined);
  });

  test('stops when no block is left', async () => {
    const { window } = await open(bytesOf(1_000), { blocks: 4 });
    expect(await window.readAhead(900)).toBeUndefined();
  });
});

describe('chunks', () => {
  const sendAll = async (window: ReplayBuffer) => {
    const chunks: { from: number; to: number; isLast: boolean }[] = [];
    const sent: Uint8Array[] = [];
    for (let from = 0; ; ) {
      const { to, whole } = await window.next(from);
      chunks.push({ from, to, isLast: whole !== undefined });
      sent.push(...window.views(from, to).map((view) => Buffer.from(view)));
      if (whole !== undefined) return { chunks, sent: Buffer.concat(sent), whole };
      window.drop(to);
      from = to;
    }
  };

  test('are not larger when all of the source has been read', async () => {
    const bytes = bytesOf(40);
    const { window } = await open(bytes);
    await turn();
    expect(await window.next(0)).toEqual({ from: 0, to: 20 });
    expect(await window.next(20)).toEqual({ from: 20, to: 40, whole: { sha256: hash('sha256', bytes), size: 40 } });
  });

  test('can start at any buffered byte, also in the middle of a block', async () => {
    const bytes = bytesOf(40);
    const { window } = await open(bytes);
    await turn();
    for (const [from, to] of [
      [5, 25],
      [9, 10],
      [11, 40],
      [0, 40],
      [7, 7],
    ] as const) {
      expect(Buffer.concat(window.views(from, to)).equals(bytes.subarray(from, to))).toBe(true);
    }
  });

  test.each([0, 1, 19, 20, 21, 39, 40, 41, 100, 101])(
    'of %i bytes are multiples of the block except the last, and only the last states the total size',
    async (size) => {
      const bytes = bytesOf(size);
      for (const piece of [1, 7, 10, 64]) {
        const { window, counted } = await open(bytes, { piece });
        const { chunks, sent, whole } = await sendAll(window);
        expect(sent.equals(bytes)).toBe(true);
        expect(whole).toEqual({ sha256: hash('sha256', bytes), size });
        expect(chunks.slice(0, -1).every(({ from, to }) => to > from && (to - from) % BLOCK === 0)).toBe(true);
        // Half of the maximum for a single upload: two of eight blocks.
        expect(chunks.every(({ from, to }) => to - from <= 2 * BLOCK)).toBe(true);
        expect(chunks).toHaveLength(Math.max(1, Math.ceil(size / (2 * BLOCK))));
        expect(counted.most).toBeLessThanOrEqual(4);
      }
    },
  );

  test('use what is buffered when no block is left, and at least one block', async () => {
    const { window } = await open(bytesOf(1_000), { blocks: 4 });
    await turn();
    expect(await window.next(0)).toEqual({ from: 0, to: BLOCK });
    window.drop(BLOCK);
    expect(await window.next(BLOCK)).toEqual({ from: BLOCK, to: 2 * BLOCK });
  });

  test('are as large as the remaining budget when others have taken the rest', async () => {
    const budget = createBufferBudget({ bytes: 20 * BLOCK, maxWaiters: 1, blockBytes: BLOCK });
    const lease = await budget.lease(2);
    let give: (bytes: Uint8Array) => void = () => undefined;
    const first = new Promise<Uint8Array>((resolve) => {
      give = resolve;
    });
    async function* slowly(): AsyncGenerator<Uint8Array> {
      yield await first;
    }
    const window = createReplayBuffer({ bytes: slowly(), lease, blockBytes: BLOCK, maxBytes: 1e6, size: undefined });
    opened.push(window);
    const next = window.next(0);
    await budget.lease(18);
    give(bytesOf(25));
    expect(await next).toEqual({ from: 0, to: 20 });
  });

  test('have at most 64 blocks, and twice as many are buffered', async () => {
    const { window, counted } = await open(bytesOf(5_000), { blocks: 1_000, piece: 1_000 });
    expect(await window.next(0)).toEqual({ from: 0, to: 64 * BLOCK });
    await turn();
    expect(counted.most).toBe(128);
  });

  test.each([70, 73])('start after the %i bytes that Drive has; those are hashed and not buffered', async (skip) => {
    const bytes = bytesOf(95);
    const { window } = await open(bytes, { skip });
    expect(window.start()).toBe(skip);
    const { to } = await window.next(skip);
    expect(Buffer.concat(window.views(skip, to)).equals(bytes.subarray(skip, to))).toBe(true);
    window.drop(to);
    expect(await window.next(to)).toEqual({ from: to, to: 95, whole: { sha256: hash('sha256', bytes), size: 95 } });
  });
});

describe('blocks', () => {
  test('are returned as their bytes are dropped, and all of them at the end', async () => {
    const { window, counted, budget } = await open(bytesOf(1_000));
    await turn();
    expect(counted).toMatchObject({ taken: 4, given: 0 });
    window.drop(9);
    expect(counted.given).toBe(0);
    window.drop(10);
    expect(counted.given).toBe(1);
    expect(window.start()).toBe(10);
    await turn();
    window.drop(5);
    expect(window.start()).toBe(10);
    window.close();
    await turn();
    expect(counted.given).toBe(counted.taken);
    expect(budget.gauges().used).toBe(20);
  });

  test('that were returned are not available', async () => {
    const { window } = await open(bytesOf(100));
    await turn();
    expect(() => window.views(30, 50)).toThrow('not held in the buffer');
  });

  test('are not requested while the rest is only read for its hash', async () => {
    const bytes = bytesOf(1_000);
    const { window, counted } = await open(bytes);
    expect(await window.drain()).toEqual({ sha256: hash('sha256', bytes), size: 1_000 });
    expect(counted.most).toBeLessThanOrEqual(4);
  });
});

test.each([
  ['waits for room', 1_000],
  ['gives one piece after another', 1],
])('a source that %s is released when the replay buffer is closed', async (_, piece) => {
  const budget = createBufferBudget({ bytes: 8 * BLOCK, maxWaiters: 1, blockBytes: BLOCK });
  let isLetGo = false;
  async function* endless(): AsyncGenerator<Uint8Array> {
    try {
      for (;;) {
        await new Promise((resolve) => setImmediate(resolve));
        yield bytesOf(piece);
      }
    } finally {
      isLetGo = true;
    }
  }
  const lease = await budget.lease(2);
  const window = createReplayBuffer({ bytes: endless(), lease, blockBytes: BLOCK, maxBytes: 1e9, size: undefined });
  await turn();
  window.close();
  for (let waited = 0; waited < 100 && !isLetGo; waited++) await turn();
  expect(isLetGo).toBe(true);
});

describe('a source that breaks its promise is an error', () => {
  test.each<[string, Opening, number, string, RegExp]>([
    ['with fewer bytes than announced', { size: 21 }, 20, 'body-truncated', /\b20\b.*\b21\b/],
    ['with more bytes than announced', { size: 19 }, 20, 'body-truncated', /\b20\b.*\b19\b/],
    ['with fewer bytes than Drive has already', { skip: 30 }, 20, 'body-truncated', /\b20\b.*\b30\b/],
    ['with one byte more than allowed', { maxBytes: 19 }, 20, 'too-large', /\b19\b/],
  ])('%s', async (_, opening, size, code, numbers) => {
    const { window } = await open(bytesOf(size), { piece: 20, ...opening });
    await expect(window.drain()).rejects.toMatchObject({ code, detail: expect.stringMatching(numbers) });
  });

  test('and one that keeps it exactly is accepted', async () => {
    const { window } = await open(bytesOf(20), { size: 20, maxBytes: 20 });
    expect(await window.drain()).toMatchObject({ size: 20 });
  });

  test('every waiter gets the first failure', async () => {
    const { window } = await open(bytesOf(1_000), { blocks: 4 });
    const waiting = window.readAhead(900).then(() => window.next(500));
    await turn();
    window.fail(new Error('first'));
    window.fail(new Error('second'));
    await expect(waiting).rejects.toThrow('first');
    await expect(window.drain()).rejects.toThrow('first');
  });
});
