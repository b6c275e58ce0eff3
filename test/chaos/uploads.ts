import { createCipheriv, createHash } from 'node:crypto';
import { seededRandom } from '../../local/google/random.ts';

/** One thing to send: a name of its own for each key, and bytes that follow from the seed. */
export interface Upload {
  key: string;
  name: string;
  path: string;
  size: number;
  /** Sent without a length. */
  isStreamed: boolean;
  bytes(): Buffer;
}

/** Bytes that repeat for a seed. */
const noise = (seed: string, size: number): Buffer => {
  const key = createHash('sha256').update(seed).digest();
  return createCipheriv('aes-128-ctr', key.subarray(0, 16), key.subarray(16)).update(Buffer.alloc(size));
};

const KIB = 1024;

/** Mostly small reports, some of a megabyte, a few that need a session; the boundaries among them. */
const sizeFrom = (random: () => number): number => {
  const kind = random();
  if (kind < 0.05) return [0, 1, 256 * KIB - 1, 256 * KIB, 256 * KIB + 1][Math.floor(random() * 5)] ?? 0;
  if (kind < 0.9) return Math.floor(random() * 64 * KIB);
  if (kind < 0.98) return Math.floor(random() * KIB * KIB);
  return Math.floor((5 + 3 * random()) * KIB * KIB);
};

/** @param keys how many different files; each upload is of one of them, and all are of one at least */
export const planUploads = ({ uploads, keys, seed }: { uploads: number; keys: number; seed: number }): Upload[] => {
  const random = seededRandom(seed);
  const files = Array.from({ length: keys }, (_, index): Upload => {
    const key = `chaos-${seed}-${index}`;
    const size = sizeFrom(random);
    return {
      key,
      name: `${key}.bin`,
      path: `chaos/${String(index % 12).padStart(2, '0')}`,
      size,
      isStreamed: random() < 0.3,
      bytes: () => noise(key, size),
    };
  });
  const order = Array.from({ length: uploads }, (_, turn) => files[turn % keys] as Upload);
  for (let last = order.length - 1; last > 0; last--) {
    const other = Math.floor(random() * (last + 1));
    [order[last], order[other]] = [order[other] as Upload, order[last] as Upload];
  }
  return order;
};
