import { createHash } from 'node:crypto';
import type { Seekable } from './input.ts';

/**
 * SHA-256 of an input, computed while its parts are sent. They come in order, but some come twice (sent again) and some not at
 * all (the start of a resumed upload).
 */
export interface RunningDigest {
  /** Adds a part that was read from `offset`. Bytes that were added before are ignored. */
  add(offset: number, bytes: Uint8Array): void;
  /** Reads and adds what is missing below `offset`. */
  catchUp(offset: number): Promise<void>;
  /** @returns the digest of the whole input in lower-case hex */
  finish(): Promise<string>;
}

export const createRunningDigest = (input: Seekable): RunningDigest => {
  const hash = createHash('sha256');
  let added = 0;
  let hex: string | undefined;
  const add = (offset: number, bytes: Uint8Array): void => {
    if (offset > added) throw new Error(`the digest has ${added} bytes and cannot continue at ${offset}`);
    const fresh = bytes.subarray(added - offset);
    // All of it may have been added before, in a session that Drive lost afterwards.
    if (fresh.byteLength === 0) return;
    hash.update(fresh);
    added += fresh.byteLength;
  };
  const catchUp = async (offset: number): Promise<void> => {
    for await (const bytes of input.read(added, Math.max(added, offset))) add(added, bytes);
  };
  return {
    add,
    catchUp,
    finish: async () => {
      await catchUp(input.size);
      hex ??= hash.digest('hex');
      return hex;
    },
  };
};
