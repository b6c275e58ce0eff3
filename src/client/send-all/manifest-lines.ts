import type { FileHandle } from 'node:fs/promises';
import { z } from 'zod';
import { receiptSchema } from '../schemas.ts';

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
/** The receipt is only read when it is needed. */
export const entrySchema = z.object(entryShape);
export const fullEntrySchema = z.object({ ...entryShape, receipt: receiptSchema });
export type FullEntry = z.infer<typeof fullEntrySchema>;

/** One line of a file: its text, where it begins, and whether it ends with a line break. */
interface Line {
  text: string;
  at: number;
  length: number;
  isComplete: boolean;
}

const READ_BYTES = 64 * 1024;
const LINE_BREAK = 0x0a;

/** Reads a file's lines with their positions, in parts. */
export async function* readLines(handle: FileHandle): AsyncGenerator<Line> {
  let rest: Buffer = Buffer.alloc(0);
  let at = 0;
  for (;;) {
    const buffer = Buffer.allocUnsafe(READ_BYTES);
    const { bytesRead } = await handle.read(buffer, 0, READ_BYTES, at + rest.length);
    if (bytesRead === 0) break;
    rest = Buffer.concat([rest, buffer.subarray(0, bytesRead)]);
    let start = 0;
    for (let end = rest.indexOf(LINE_BREAK); end !== -1; end = rest.indexOf(LINE_BREAK, start)) {
      yield { text: rest.toString('utf8', start, end), at: at + start, length: end - start, isComplete: true };
      start = end + 1;
    }
    at += start;
    rest = rest.subarray(start);
  }
  if (rest.length > 0) yield { text: rest.toString('utf8'), at, length: rest.length, isComplete: false };
}

export const parseLine = <T>(schema: z.ZodType<T>, text: string): T | undefined => {
  try {
    return schema.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined;
  }
};
