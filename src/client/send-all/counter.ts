import { stat } from 'node:fs/promises';
import { types } from 'node:util';
import { isBlob } from '../realms.ts';
import { listAll, type SendAllInputs } from './files/list.ts';
import type { SendAllOptions, SendAllProgress } from './options.ts';

/** Adds up what has been done, and what there is to do. */
export interface Counter {
  onBytes(file: string, sentBytes: number): void;
  onDone(file: string, bytes: number): void;
  stop(): void;
}

/** Inputs that can be listed a second time. */
const isRepeatable = (inputs: SendAllInputs): boolean => Array.isArray(inputs);

const sizeOf = async (input: unknown): Promise<number> => {
  if (types.isUint8Array(input)) return input.byteLength;
  if (isBlob(input)) return input.size;
  return stat(input as string | URL).then(
    ({ size }) => size,
    () => 0,
  );
};

/** Totals are not needed before. Most runs end earlier. */
const COUNT_AFTER_MS = 500;

/** Counts the files concurrently with the deliveries, so that these do not wait. */
const countTotals = async (
  inputs: SendAllInputs,
  options: SendAllOptions,
): Promise<{ totalFiles: number; totalBytes: number }> => {
  const totals = { totalFiles: 0, totalBytes: 0 };
  for await (const listed of listAll(inputs, { ...options, onSkip: undefined })) {
    if (options.signal?.aborted) break;
    totals.totalFiles += 1;
    if ('input' in listed) totals.totalBytes += await sizeOf(listed.input);
  }
  return totals;
};

export const createCounter = (inputs: SendAllInputs, options: SendAllOptions): Counter => {
  const { onProgress } = options;
  if (onProgress === undefined) return { onBytes: () => undefined, onDone: () => undefined, stop: () => undefined };
  const progress: SendAllProgress = { files: 0, totalFiles: undefined, sentBytes: 0, totalBytes: undefined };
  const sending = new Map<string, number>();
  let doneBytes = 0;
  const report = (): void => {
    progress.sentBytes = [...sending.values()].reduce((sum, bytes) => sum + bytes, doneBytes);
    onProgress({ ...progress });
  };
  const count = async (): Promise<void> => {
    // The deliveries report the same errors.
    const totals = await countTotals(inputs, options).catch(() => undefined);
    if (totals === undefined || options.signal?.aborted) return;
    Object.assign(progress, totals);
    report();
  };
  const timer = isRepeatable(inputs) ? setTimeout(count, COUNT_AFTER_MS) : undefined;
  return {
    onBytes(file, sentBytes) {
      sending.set(file, sentBytes);
      report();
    },
    onDone(file, bytes) {
      sending.delete(file);
      doneBytes += bytes;
      progress.files += 1;
      report();
    },
    stop: () => clearTimeout(timer),
  };
};
