import { bufferBytesIn, memoryLimitBytes } from '../../config/memory.ts';
import { CourierError } from '../../errors.ts';

/** Drive takes chunks in multiples of this, so it is the unit of every buffer. */
const CHUNK_GRANULARITY = 262_144;

/** Two blocks carry a session; fewer than two such sessions would make an instance that can do one thing at a time. */
const MIN_BLOCKS = 4;

const BUSY_RETRY_SECONDS = 5;

/** A quarter of the memory that this process may have; in bytes. */
export const defaultBufferBytes = (constrained?: number, total?: number): number =>
  bufferBytesIn(memoryLimitBytes(constrained, total));

/** One upload's part of the budget. */
export interface BlockLease {
  /** A block to fill; undefined when the upload has its share or there is none to spare. What was leased for is always given. */
  take(): Buffer | undefined;
  give(block: Buffer): void;
  /** How many blocks this upload may hold at present. */
  share(): number;
  /** Gives back the lease; the blocks must have been given back before. */
  close(): void;
}

export interface BufferBudget {
  blockBytes: number;
  /**
   * A lease of so many blocks, in the order of asking.
   * @throws CourierError `busy` when too many wait, or the wait has lasted to the deadline.
   */
  lease(blocks: number, waiting?: { signal?: AbortSignal; deadlineMs?: number }): Promise<BlockLease>;
  /** For metrics, in bytes; `waiting` counts uploads. */
  gauges(): { capacity: number; used: number; waiting: number };
}

interface Waiter {
  blocks: number;
  admit(): void;
}

/**
 * The buffers that all uploads of the instance share. Blocks are pooled, so that resident memory stays flat.
 * @param bytes the whole budget; at least four blocks.
 * @param maxWaiters how many uploads may wait before the next is turned away.
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
  const waiters: Waiter[] = [];
  let free = capacity;
  let leases = 0;

  const admitWaiters = (): void => {
    for (let next = waiters[0]; next !== undefined && next.blocks <= free; next = waiters[0]) {
      waiters.shift();
      next.admit();
    }
  };

  const grant = (reserved: number): BlockLease => {
    free -= reserved;
    leases += 1;
    let held = 0;
    let closed = false;
    const share = (): number =>
      Math.max(reserved, waiters.length > 0 ? 0 : Math.min(Math.floor(capacity / (leases + 1)), held + free));
    return {
      share,
      take() {
        if (closed || (held >= reserved && (free === 0 || held >= share()))) return undefined;
        if (held >= reserved) free -= 1;
        held += 1;
        // Memory of its own rather than a slice of Node's shared pool: it is kept for as long as the process lives.
        return pool.pop() ?? Buffer.allocUnsafeSlow(blockBytes);
      },
      give(block) {
        pool.push(block);
        if (held > reserved) free += 1;
        held -= 1;
        admitWaiters();
      },
      close() {
        if (closed) return;
        closed = true;
        leases -= 1;
        free += reserved;
        admitWaiters();
      },
    };
  };

  const wait = (blocks: number, { signal, deadlineMs }: { signal?: AbortSignal; deadlineMs?: number }) =>
    new Promise<BlockLease>((resolve, reject) => {
      const leave = (): void => {
        clearTimeout(timer);
        signal?.removeEventListener('abort', giveUp);
      };
      const giveUp = (): void => {
        const place = waiters.indexOf(waiter);
        if (place >= 0) waiters.splice(place, 1);
        leave();
        reject(
          signal?.reason instanceof CourierError
            ? signal.reason
            : new CourierError('busy', {
                detail: 'No buffer became free in time.',
                retryAfterSeconds: BUSY_RETRY_SECONDS,
              }),
        );
        admitWaiters();
      };
      const waiter: Waiter = {
        blocks,
        admit() {
          leave();
          resolve(grant(blocks));
        },
      };
      const timer = deadlineMs === undefined ? undefined : setTimeout(giveUp, Math.max(0, deadlineMs - now()));
      waiters.push(waiter);
      if (signal?.aborted) giveUp();
      else signal?.addEventListener('abort', giveUp, { once: true });
    });

  return {
    blockBytes,
    async lease(asked, waiting = {}) {
      const blocks = Math.min(asked, capacity);
      if (waiters.length === 0 && blocks <= free) return grant(blocks);
      if (waiters.length >= maxWaiters) {
        throw new CourierError('busy', {
          detail: 'The memory for uploads is taken.',
          retryAfterSeconds: BUSY_RETRY_SECONDS,
        });
      }
      return wait(blocks, waiting);
    },
    gauges: () => ({ capacity: capacity * blockBytes, used: (capacity - free) * blockBytes, waiting: waiters.length }),
  };
};
