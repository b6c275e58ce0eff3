import { createHash } from 'node:crypto';
import type { Seekable } from './input.ts';

/** SHA-256 of an input whose parts pass by as they are sent: in order, but some twice (a part sent again) or not at all (a resumed upload's start). */
export interface RunningDigest {
  /** Takes a part that was read from `offset`. What was taken before is not taken again. */
  pass(offset: number, bytes: Uint8Array): void;
  /** Reads and takes what is missing below `offset`. */
  catchUp(offset: number): Promise<void>;
  /** Lower-case hex, of the whole input. */
  finish(): Promise<string>;
}

export const createRunningDigest = (input: Seekable): RunningDigest => {
  const hash = createHash('sha256');
  let taken = 0;
  let hex: string | undefined;
  const pass = (offset: number, bytes: Uint8Array): void => {
    if (offset > taken) throw new Error(`the digest has ${taken} bytes and cannot take those from ${offset}`);
    const fresh = bytes.subarray(taken - offset);
    // All of it may have been taken before: by a session that Drive forgot afterwards.
    if (fresh.byteLength === 0) return;
    hash.update(fresh);
    taken += fresh.byteLength;
  };
  const catchUp = async (offset: number): Promise<void> => {
    for await (const bytes of input.read(taken, Math.max(taken, offset))) pass(taken, bytes);
  };
  return {
    pass,
    catchUp,
    finish: async () => {
      await catchUp(input.size);
      hex ??= hash.digest('hex');
      return hex;
    },
  };
};
