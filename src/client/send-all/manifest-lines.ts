import type { FileHandle } from 'node:fs/promises';
import { z } from 'zod';
import type { Receipt } from '../../domain.ts';
import { withoutMark } from '../../text/unicode/byte-order-mark.ts';

/** The first line of a manifest. */
export const headerSchema = z.object({
  manifest: z.literal('drive-courier'),
  version: z.literal(1),
  /** The key that all keys of files are derived from. */
  key: z.string().min(1).max(255),
});
export type Header = z.infer<typeof headerSchema>;

const entryShape = {
  /** Path of the file as it was found. */
  file: z.string(),
  destination: z.string().optional(),
  /** Folders and name in Drive, below the destination. */
  path: z.string(),
  size: z.number(),
  /**
   * When the file was changed, with nanoseconds. Null if it was changed so shortly before it was read that a later change could
   * have the same time.
   */
  mtime: z.string().nullable(),
  sha256: z.string(),
  key: z.string(),
};
export const entrySchema = z.object(entryShape);
/** The receipt is only checked when it is needed. */
export const fullEntrySchema = z.object({ ...entryShape, receipt: z.unknown().optional() });
export type FullEntry = z.infer<typeof entrySchema> & { receipt: Receipt };

/** One line of a file: its text, where it begins, and whether it ends with a line break. */
interface Line {
  text: string;
  at: number;
  length: number;
  isComplete: boolean;
}

const READ_BYTES = 64 * 1024;
/** Far more than the line of any file needs. After a power failure, a file may have a hole of any size. */
const MAX_LINE_BYTES = 1024 * 1024;
const LINE_BREAK = 0x0a;

/** Reads a file's lines with their positions, in parts, all into one buffer. A line that is too long is read as an empty one. */
// biome-ignore lint/complexity/noExcessiveCognitiveComplexity: one buffer is filled, split and moved, so its positions belong together.
export async function* readLines(handle: FileHandle): AsyncGenerator<Line> {
  let buffer = Buffer.allocUnsafe(READ_BYTES);
  let filled = 0;
  let at = 0;
  let isTooLong = false;
  for (;;) {
    if (filled === MAX_LINE_BYTES) {
      // At once, so that a large file of another kind is not read to its end.
      if (!isTooLong) yield { text: '', at, length: 0, isComplete: false };
      isTooLong = true;
      at += filled;
      filled = 0;
    } else if (filled === buffer.length) buffer = Buffer.concat([buffer], buffer.length * 2);
    const { bytesRead } = await handle.read(buffer, filled, buffer.length - filled, at + filled);
    if (bytesRead === 0) break;
    filled += bytesRead;
    const part = buffer.subarray(0, filled);
    let start = 0;
    for (let end = part.indexOf(LINE_BREAK); end !== -1; end = part.indexOf(LINE_BREAK, start)) {
      const text = isTooLong ? '' : part.toString('utf8', start, end);
      yield { text, at: at + start, length: end - start, isComplete: true };
      isTooLong = false;
      start = end + 1;
    }
    buffer.copyWithin(0, start, filled);
    at += start;
    filled -= start;
  }
  if (filled > 0 && !isTooLong) {
    yield { text: buffer.toString('utf8', 0, filled), at, length: filled, isComplete: false };
  }
}

export const parseLine = <T>(schema: z.ZodType<T>, text: string): T | undefined => {
  try {
    return schema.safeParse(JSON.parse(withoutMark(text))).data;
  } catch {
    return undefined;
  }
};
