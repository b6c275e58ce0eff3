import { once } from 'node:events';
import { closeSync, createWriteStream, openSync, rmSync, statSync, truncateSync } from 'node:fs';
import type { ReceivedBytes } from '../model.ts';
import { checksumsOfFile, type RunningChecksums, runChecksums } from './checksums.ts';

/**
 * Google's upload servers keep a multiple of this size of an unfinished file. Source: guides/manage-uploads ("multiples
 * of 256 KB").
 */
export const UNIT_BYTES = 256 * 1024;

/** The most bytes that wait to be written to disk before the sender is paused. */
const AHEAD_BYTES = 1024 * 1024;

const wholeUnits = (bytes: number): number => bytes - (bytes % UNIT_BYTES);

/** One append to a partial file. */
interface Append {
  /** The number of bytes received so far. */
  readonly bytes: number;
  /** Returns a promise to wait for before the next chunk, or undefined. */
  take(piece: Buffer): Promise<void> | undefined;
  /** Ends the append. `all` keeps all bytes, `units` a multiple of 256 KiB, `none` nothing. */
  finish(keep: 'all' | 'units' | 'none'): Promise<void>;
}

/** An unfinished upload on disk. It grows by any number of appends, one after the other. */
export interface PartialFile {
  /** The number of stored bytes, as a status query reports it. */
  readonly stored: number;
  add(): Promise<Append>;
  received(mimeType: string): Promise<ReceivedBytes>;
  discard(): void;
}

/** Opens or creates the file. Bytes of an earlier run after the last multiple of 256 KiB are ignored. */
export function openPartialFile(path: string): PartialFile {
  let stored = wholeUnits(statSync(path, { throwIfNoEntry: false })?.size ?? 0);
  /** The checksums of the first `summed` bytes. They do not yet cover bytes that may still be discarded. */
  let sums: RunningChecksums = runChecksums();
  let summed = 0;

  const begin = (): void => closeSync(openSync(path, 'a'));

  const catchUp = async (): Promise<void> => {
    if (summed === stored) return;
    sums = await checksumsOfFile(path, stored);
    summed = stored;
  };

  const add = async (): Promise<Append> => {
    await catchUp();
    begin();
    const stream = createWriteStream(path, { flags: 'r+', start: stored, highWaterMark: AHEAD_BYTES });
    const failed = once(stream, 'error').then(([error]) => Promise.reject(error as Error));
    // Code that awaits it gets the error. Without this handler, an error before that would crash the process.
    failed.catch(() => undefined);
    let bytes = 0;
    /** Written, but not yet in the checksums: less than 256 KiB. */
    let tail: Buffer[] = [];
    let tailBytes = 0;

    const sumUp = (count: number): void => {
      let left = count;
      for (;;) {
        const [piece] = tail;
        if (piece === undefined || left === 0) break;
        sums.update(piece.subarray(0, left));
        if (piece.length > left) tail[0] = piece.subarray(left);
        else tail.shift();
        left -= Math.min(left, piece.length);
      }
      tailBytes -= count;
      summed += count;
    };

    return {
      get bytes() {
        return bytes;
      },
      take: (piece) => {
        bytes += piece.length;
        const ready = stream.write(piece);
        tail.push(piece);
        tailBytes += piece.length;
        sumUp(wholeUnits(tailBytes));
        return ready ? undefined : Promise.race([once(stream, 'drain').then(() => undefined), failed]);
      },
      finish: async (keep) => {
        await Promise.race([new Promise<void>((resolve) => stream.end(resolve)), failed]);
        if (keep === 'all') sumUp(tailBytes);
        tail = [];
        const kept = { all: bytes, units: wholeUnits(bytes), none: 0 }[keep];
        if (kept < bytes) truncateSync(path, stored + kept);
        stored += kept;
      },
    };
  };

  return {
    get stored() {
      return stored;
    },
    add,
    received: async (mimeType) => {
      await catchUp();
      begin();
      return { path, size: stored, mimeType, ...sums.sums() };
    },
    discard: () => rmSync(path, { force: true }),
  };
}
