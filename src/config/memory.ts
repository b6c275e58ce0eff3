import { totalmem } from 'node:os';

/** The memory available to this process, in bytes: the container's limit (from the cgroup), else the machine's memory. */
export const memoryLimitBytes = (constrained = process.constrainedMemory(), total = totalmem()): number =>
  // Without a limit, cgroup v1 gives a number near 2^63, and cgroup v2 gives 0.
  constrained > 0 && constrained < total ? constrained : total;

/** The part of the memory that is used for upload buffers by default. */
export const bufferBytesIn = (memoryBytes: number): number => Math.floor(memoryBytes / 4);

/** An upload of unknown size takes two blocks of Drive's chunk granularity, 256 KiB (see drive/upload). */
const MIN_UPLOAD_BYTES = 2 * 262_144;

const mebibytes = (bytes: number): string => `${Math.floor(bytes / 1_048_576)} MiB`;

interface Limits {
  bufferBytes: number | null;
  concurrentUploads: number;
}

/** Why the limits don't fit into this memory; undefined if they do. */
export const faultOfLimits = ({ bufferBytes }: Pick<Limits, 'bufferBytes'>, memoryBytes: number): string | undefined =>
  bufferBytes !== null && bufferBytes >= memoryBytes
    ? `${mebibytes(bufferBytes)} of buffers don't fit into ${mebibytes(memoryBytes)} of memory`
    : undefined;

/** Limits that work, but not as their numbers suggest. */
export const warningsOfLimits = ({ bufferBytes, concurrentUploads }: Limits, memoryBytes: number): string[] => {
  const buffers = bufferBytes ?? bufferBytesIn(memoryBytes);
  const atOnce = Math.floor(buffers / MIN_UPLOAD_BYTES);
  return [
    ...(buffers > memoryBytes / 2
      ? [
          `limits.bufferBytes: ${mebibytes(buffers)} is more than half of the memory (${mebibytes(memoryBytes)}), which the process itself and documents also need`,
        ]
      : []),
    ...(atOnce < concurrentUploads
      ? [
          `limits.concurrentUploads: ${mebibytes(buffers)} of buffers are enough for ${atOnce} concurrent uploads of unknown size, not for ${concurrentUploads}; further uploads wait, and some are answered 429 "busy"`,
        ]
      : []),
  ];
};
