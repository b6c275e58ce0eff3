import { bufferBytesIn, memoryLimitBytes } from '../../config/memory.ts';
import { CourierError } from '../../errors.ts';

/** Drive accepts chunks in multiples of this size, so it is the unit of every buffer. In bytes. */
const CHUNK_GRANULARITY = 262_144;

/** A session needs two blocks. With fewer than four, the instance could run only one session at a time. */
const MIN_BLOCKS = 4;

const BUSY_RETRY_SECONDS = 5;

const busy = (detail: string): CourierError =>
  new CourierError('busy', { detail, retryAfterSeconds: BUSY_RETRY_SECONDS });

/** A quarter of the memory that this process may use, in bytes. */
export const defaultBufferBytes = (constrained?: number, total?: number): number =>
  bufferBytesIn(memoryLimitBytes(constrained, total));

/** One upload's share of the budget. */
export interface BlockLease {
  /** A block to fill; undefined if the upload has its share, or no block is free. The blocks that were leased are always given. */
  take(): Buffer | undefined;
  give(block: Buffer): void;
  /** How many blocks this upload may hold now. */
  share(): number;
  /** Ends the lease. Its blocks must have been given back before. */
  close(): void;
}

export interface BufferBudget {
  blockBytes: number;
  /**
   * Leases this number of blocks. Uploads that have to wait are served in the order of their requests.
   * @throws CourierError `busy` if too many uploads wait, or the deadline comes first
   */
  lease(blocks: number, waiting?: Waiting): Promise<BlockLease>;
  /** For metrics, in bytes; `waiting` counts uploads. */
  gauges(): { capacity: number; used: number; waiting: number };
}

interface Waiting {
  signal?: AbortSignal | undefined;
  /** Epoch milliseconds. */
  deadlineMs?: number | undefined;
}

interface Waiter {
  blocks: number;
  admit(): void;
}

/**
 * Uploads that wait for blocks. They are admitted in the order of their requests.
 * @param isFree whether this number of blocks is free
 * @param grant reserves them
 */
const createWaiterQueue = ({
  isFree,
  grant,
  now,
}: {
  isFree(blocks: number): boolean;
  grant(blocks: number): BlockLease;
  now: () => number;
}) => {
  const waiters: Waiter[] = [];

  const admitNext = (): void => {
    for (let next = waiters[0]; next !== undefined && isFree(next.blocks); next = waiters[0]) {
      waiters.shift();
      next.admit();
    }
  };

  const wait = (blocks: number, { signal, deadlineMs }: Waiting): Promise<BlockLease> =>
    new Promise((resolve, reject) => {
      const stopWaiting = (): void => {
        clearTimeout(timer);
        signal?.removeEventListener('abort', giveUp);
      };
      const waiter: Waiter = {
        blocks,
        admit() {
          stopWaiting();
          resolve(grant(blocks));
        },
      };
      const giveUp = (): void => {
        waiters.splice(waiters.indexOf(waiter), 1);
        stopWaiting();
        reject(signal?.reason instanceof CourierError ? signal.reason : busy('No buffer became free in time.'));
        // The next upload in the queue may need fewer blocks.
        admitNext();
      };
      const timer = deadlineMs === undefined ? undefined : setTimeout(giveUp, Math.max(0, deadlineMs - now()));
      waiters.push(waiter);
      if (signal?.aborted) giveUp();
      else signal?.addEventListener('abort', giveUp, { once: true });
    });

  return { length: () => waiters.length, admitNext, wait };
};

/**
 * The buffers that all uploads of the instance share. Blocks are pooled, so that resident memory stays constant.
 * @param bytes the whole budget; at least four blocks
 * @param maxWaiters how many uploads may wait before the next one is rejected
 */
export const createBufferBudget = ({
  bytes,
  maxWaiters,
  blockBytes = CHUNK_GRANULARITY,
  now = Date.now,
}: {
  bytes: number;
  maxWaiters: number;
  blockBytes?: number;
  now?: () => number;
}): BufferBudget => {
  const capacity = Math.max(MIN_BLOCKS, Math.floor(bytes / blockBytes));
  const pool: Buffer[] = [];
  let free = capacity;
  let leases = 0;

  const grant = (reserved: number): BlockLease => {
    free -= reserved;
    leases += 1;
    let held = 0;
    let closed = false;
    /** Reserved blocks, and a part of the free ones while no upload waits for them. */
    const share = (): number =>
      Math.max(reserved, queue.length() > 0 ? 0 : Math.min(Math.floor(capacity / (leases + 1)), held + free));
    return {
      share,
      take() {
        if (closed || (held >= reserved && (free === 0 || held >= share()))) return undefined;
        if (held >= reserved) free -= 1;
        held += 1;
        // Memory of its own, not a slice of Node's shared pool, because it is kept for as long as the process lives.
        return pool.pop() ?? Buffer.allocUnsafeSlow(blockBytes);
      },
      give(block) {
        pool.push(block);
        if (held > reserved) free += 1;
        held -= 1;
        queue.admitNext();
      },
      close() {
        if (closed) return;
        closed = true;
        leases -= 1;
        free += reserved;
        queue.admitNext();
      },
    };
  };
  const queue = createWaiterQueue({ isFree: (blocks) => blocks <= free, grant, now });

  return {
    blockBytes,
    async lease(asked, waiting = {}) {
      const blocks = Math.min(asked, capacity);
      if (queue.length() === 0 && blocks <= free) return grant(blocks);
      if (queue.length() >= maxWaiters) throw busy('No memory is free for another upload.');
      return queue.wait(blocks, waiting);
    },
    gauges: () => ({ capacity: capacity * blockBytes, used: (capacity - free) * blockBytes, waiting: queue.length() }),
  };
};
