import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import type { Checksums } from '../model.ts';

/** Computes the three checksums of Drive in one pass. */
export interface RunningChecksums {
  update(bytes: Buffer): void;
  /** The checksums of the bytes so far. More bytes may follow. */
  sums(): Checksums;
}

export function runChecksums(): RunningChecksums {
  const [md5, sha1, sha256] = [createHash('md5'), createHash('sha1'), createHash('sha256')];
  return {
    update: (bytes) => {
      md5.update(bytes);
      sha1.update(bytes);
      sha256.update(bytes);
    },
    sums: () => ({
      md5: md5.copy().digest('hex'),
      sha1: sha1.copy().digest('hex'),
      sha256: sha256.copy().digest('hex'),
    }),
  };
}

const READ_BYTES = 1024 * 1024;

/** Computes the checksums of bytes that are already on disk, from an earlier run or a rejected request. */
export async function checksumsOfFile(path: string, size: number): Promise<RunningChecksums> {
  const running = runChecksums();
  if (size === 0) return running;
  const stream = createReadStream(path, { end: size - 1, highWaterMark: READ_BYTES });
  for await (const bytes of stream as AsyncIterable<Buffer>) running.update(bytes);
  return running;
}
