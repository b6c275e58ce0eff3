import type { Source } from '../../domain.ts';
import { ByteWriter } from './byte-writer.ts';
import type { JsonEvents } from '../json/events.ts';
import { type Follower, PASS_OVER } from '../json/outline.ts';
import { JsonScanner } from '../json/scanner.ts';
import { JsonWriter } from '../json/writer.ts';
import type { Bytes } from './spool.ts';
import { turn } from '../../turns.ts';

/** Where a value stands in a document. */
export interface Range {
  start: number;
  end: number;
}

/** Pieces of what is made are at least so large, unless there is no more. */
export const PIECE_BYTES = 65_536;

/** What a listener writes of a value that was found well-formed before, made while it is read. */
export async function* transcode(
  bytes: Bytes,
  { start, end }: Range,
  listen: (out: ByteWriter) => JsonEvents & { finish?(): void },
): AsyncGenerator<Buffer> {
  const out = new ByteWriter();
  const events = listen(out);
  const scanner = new JsonScanner(events, { offset: start, lenient: true });
  while (scanner.offset < end) {
    if (scanner.offset > start) await turn();
    scanner.scan(bytes.at(scanner.offset, end));
    if (out.size >= PIECE_BYTES) yield out.take();
  }
  scanner.end();
  events.finish?.();
  if (out.size > 0) yield out.take();
}

/** Bytes from an offset on, where they can only be made from the beginning. */
async function* skipping(offset: number, bytes: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let skip = offset;
  for await (const piece of bytes) {
    if (skip < piece.byteLength) yield piece.subarray(skip);
    skip = Math.max(0, skip - piece.byteLength);
  }
}

/** A file that is made while it is read, and made again, the same, when it is read again. */
export const madeSource = (
  mimeType: string,
  size: number | undefined,
  make: () => AsyncIterable<Uint8Array>,
): Source => ({
  size,
  mimeType,
  open: make,
  openAt: (offset) => skipping(offset, make()),
});

/** The characters of a text, as UTF-8. */
export const textEvents = (out: ByteWriter): JsonEvents => ({
  ...PASS_OVER,
  plain: (bytes, from, to) => out.bytes(bytes, from, to),
  escaped: (codePoint) => out.char(codePoint),
});

const utf8Bytes = (codePoint: number): number =>
  codePoint < 0x80 ? 1 : codePoint < 0x800 ? 2 : codePoint < 0x10000 ? 3 : 4;

/** Counts the bytes of a text. */
export class TextFollower implements Follower {
  readonly stand = '""';
  /** As UTF-8. */
  size = 0;
  readonly open = PASS_OVER.open;
  readonly close = PASS_OVER.close;
  readonly beginText = PASS_OVER.beginText;
  readonly endText = PASS_OVER.endText;
  readonly beginNumber = PASS_OVER.beginNumber;
  readonly digits = PASS_OVER.digits;
  readonly endNumber = PASS_OVER.endNumber;
  readonly word = PASS_OVER.word;

  plain(_: Uint8Array, from: number, to: number): void {
    this.size += to - from;
  }

  escaped(codePoint: number): void {
    this.size += utf8Bytes(codePoint);
  }
}

/** A text of a document, as UTF-8. @param size its bytes */
export const textOf = (bytes: Bytes, range: Range, size: number): Source =>
  madeSource('text/plain', size, () => transcode(bytes, range, textEvents));

/** Any value of a document, for people to read; numbers and the order of keys as they were written. */
export const jsonOf = (bytes: Bytes, range: Range): Source =>
  madeSource('application/json', undefined, () =>
    transcode(bytes, range, (out) =>
      Object.assign(new JsonWriter(out, { pretty: true }), { finish: () => out.byte(10) }),
    ),
  );
