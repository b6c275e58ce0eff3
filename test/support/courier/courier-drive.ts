import type { Source } from '../../../src/domain.ts';
import { createDrive } from '../../../src/drive/create-drive.ts';
import type { Drive } from '../../../src/drive/drive.ts';
import { createPace } from '../../../src/drive/pacing.ts';
import { type BufferBudget, createBufferBudget } from '../../../src/drive/upload/buffer-budget.ts';
import { createTransport } from '../../../src/google/create-transport.ts';
import type { RetryingTransport } from '../../../src/google/transport.ts';
import type { Log } from '../../../src/log.ts';

const QUIET: Log = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
  child: () => QUIET,
};

interface CourierDriveOptions {
  origin: string;
  /** Default: a token for a stub server that checks none. */
  token?: string;
  /** The account of the token. */
  account?: string;
  /** In bytes; Drive's 256 KiB by default. */
  blockBytes?: number;
  bufferBytes?: number;
  multipartBytes?: number;
  now?: () => number;
  random?: () => number;
  log?: Log;
}

/** The courier's Drive client against a stub server on loopback. Waits between attempts take no time. */
export const createCourierDrive = ({
  origin,
  token = 'ya29.test',
  account = 'courier@local-project.iam.gserviceaccount.com',
  blockBytes = 262_144,
  bufferBytes = 64 * blockBytes,
  now = Date.now,
  random = Math.random,
  log = QUIET,
  ...rest
}: CourierDriveOptions): { drive: Drive; transport: RetryingTransport; budget: BufferBudget } => {
  const sleep = async (_: number, signal?: AbortSignal): Promise<void> => {
    signal?.throwIfAborted();
    await new Promise((resolve) => setImmediate(resolve));
  };
  const transport = createTransport({ googleOrigin: origin, now, random, sleep, log });
  const budget = createBufferBudget({ bytes: bufferBytes, maxWaiters: 100, blockBytes, now });
  const drive = createDrive({
    transport,
    auth: {
      token: async () => token,
      rejected: () => undefined,
      account: () => account,
      rotated: () => undefined,
    },
    budget,
    pace: createPace({ now, sleep, unitsPerMinute: Infinity }),
    now,
    log,
    ...rest,
  });
  return { drive, transport, budget };
};

/**
 * A source that yields these bytes in pieces of these sizes, again and again.
 * @param hasKnownSize whether the source tells its size before it is read
 * @param isSeekable whether the source can be opened at an offset, for an upload that is resumed
 */
export const sourceOf = (
  bytes: Uint8Array,
  {
    pieces = [65_536],
    hasKnownSize = true,
    isSeekable = false,
  }: { pieces?: number[]; hasKnownSize?: boolean; isSeekable?: boolean } = {},
): Source => {
  const read = async function* (offset: number): AsyncGenerator<Uint8Array> {
    for (let at = offset, turn = 0; at < bytes.length; turn++) {
      const length = Math.max(1, pieces[turn % pieces.length] ?? 1);
      yield bytes.subarray(at, at + length);
      at += length;
    }
  };
  return {
    size: hasKnownSize ? bytes.length : undefined,
    mimeType: 'application/octet-stream',
    open: () => read(0),
    ...(isSeekable ? { openAt: read } : {}),
  };
};
