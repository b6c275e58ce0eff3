import { once } from 'node:events';
import { closeSync, createWriteStream, openSync, rmSync, statSync, truncateSync } from 'node:fs';
import type { ReceivedBytes } from '../model.ts';
import { checksumsOfFile, type RunningChecksums, runChecksums } from './checksums.ts';

/** What Google's upload servers keep of an unfinished file comes in multiples of this. Source: guides/manage-uploads ("multiples of 256 KB"). */
export const UNIT_BYTES = 256 * 1024;

/** Bytes on their way to the disk, at most, before the sender has to wait. */
const AHEAD_BYTES = 1024 * 1024;

const wholeUnits = (bytes: number): number => bytes - (bytes % UNIT_BYTES);

/** Bytes on their way into a partial. */
interface Append {
  /** Bytes taken so far. */
  readonly bytes: number;
  /** Undefined, or what to wait for before giving more. */
  take(piece: Buffer): Promise<void> | undefined;
  /** Ends it. `all` keeps everything, `granules` whole multiples of 256 KiB, `none` nothing. */
  settle(keep: 'all' | 'granules' | 'none'): Promise<void>;
}

/** A file that grows on disk, in any number of additions one after the other. */
export interface PartialFile {
  /** Bytes that count: what a status query is told. */
  readonly stored: number;
  add(): Promise<Append>;
  received(mimeType: string): Promise<ReceivedBytes>;
  discard(): void;
}

/** Opens what is at the path, or begins it. Whatever an earlier run left beyond the last whole 256 KiB does not count. */
export function openPartialFile(path: string): PartialFile {
  let stored = wholeUnits(statSync(path, { throwIfNoEntry: false })?.size ?? 0);
  /** Of the first `summed` bytes; behind while bytes might yet be taken back. */
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
    // Whoever waits hears of it; nobody may be waiting yet.
    failed.catch(() => undefined);
    let bytes = 0;
    /** Written, and not in the checksums yet: less than a granule. */
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
      settle: async (keep) => {
        await Promise.race([new Promise<void>((resolve) => stream.end(resolve)), failed]);
        if (keep === 'all') sumUp(tailBytes);
        tail = [];
        const kept = { all: bytes, granules: wholeUnits(bytes), none: 0 }[keep];
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
