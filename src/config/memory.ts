import { totalmem } from 'node:os';

/** The memory that this process may have, in bytes: the container's limit (the cgroup's, which Node reads), else the machine's. */
export const memoryLimitBytes = (constrained = process.constrainedMemory(), total = totalmem()): number =>
  // Without a limit cgroup v1 says a number near 2^63, cgroup v2 says 0.
  constrained > 0 && constrained < total ? constrained : total;

/** What of it is for the buffers of uploads, unless the configuration says otherwise. */
export const bufferBytesIn = (memoryBytes: number): number => Math.floor(memoryBytes / 4);

/** An upload of unknown size leases two blocks of Drive's chunk granularity, 256 KiB (see drive/upload.ts). */
const MIN_UPLOAD_BYTES = 2 * 262_144;

const mebibytes = (bytes: number): string => `${Math.floor(bytes / 1_048_576)} MiB`;

interface Limits {
  bufferBytes: number | null;
  concurrentUploads: number;
}

/** Why the limits cannot work in this memory; undefined: they can. */
export const faultOfLimits = ({ bufferBytes }: Pick<Limits, 'bufferBytes'>, memoryBytes: number): string | undefined =>
  bufferBytes !== null && bufferBytes >= memoryBytes
    ? `${mebibytes(bufferBytes)} for buffers do not fit into the ${mebibytes(memoryBytes)} of memory that there are`
    : undefined;

/** What works, but not as the numbers promise. */
export const warningsOfLimits = ({ bufferBytes, concurrentUploads }: Limits, memoryBytes: number): string[] => {
  const buffers = bufferBytes ?? bufferBytesIn(memoryBytes);
  const atOnce = Math.floor(buffers / MIN_UPLOAD_BYTES);
  return [
    ...(buffers > memoryBytes / 2
      ? [
          `limits.bufferBytes: ${mebibytes(buffers)} are more than half of the ${mebibytes(memoryBytes)} of memory; the process itself and documents need the rest`,
        ]
      : []),
    ...(atOnce < concurrentUploads
      ? [
          `limits.concurrentUploads: ${mebibytes(buffers)} of buffers carry ${atOnce} uploads of unknown size at once, not ${concurrentUploads}; the rest wait, and some are answered 429 "busy"`,
        ]
      : []),
  ];
};
