import type { Source } from '../../domain.ts';
import { turn } from '../../turns.ts';
import type { JsonEvents } from '../json/events.ts';
import { IGNORE_EVENTS, TextEvents } from '../json/outline.ts';
import { JsonScanner } from '../json/scanner.ts';
import { JsonWriter } from '../json/writer.ts';
import { ByteWriter } from './byte-writer.ts';
import type { Bytes } from './spool.ts';

/** The position of a value in a document. */
export interface Range {
  start: number;
  end: number;
}

/** The minimum size of a generated piece, except for the last one. */
export const PIECE_BYTES = 65_536;

/** Generates the output of a listener for a value that has already been checked. It is generated while it is read. */
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

/** Skips the bytes before an offset, for content that can only be generated from the start. */
async function* skipping(offset: number, bytes: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let skip = offset;
  for await (const piece of bytes) {
    if (skip < piece.byteLength) yield piece.subarray(skip);
    skip = Math.max(0, skip - piece.byteLength);
  }
}

/** A source whose bytes are generated while they are read. Each read generates the same bytes. */
export const generatedSource = (
  mimeType: string,
  size: number | undefined,
  make: () => AsyncIterable<Uint8Array>,
): Source => ({
  size,
  mimeType,
  open: make,
  openAt: (offset) => skipping(offset, make()),
});

/** Writes the characters of a text as UTF-8. */
export const textEvents = (out: ByteWriter): JsonEvents => ({
  ...IGNORE_EVENTS,
  plain: (bytes, from, to) => out.bytes(bytes, from, to),
  escaped: (codePoint) => out.char(codePoint),
});

const utf8Bytes = (codePoint: number): number =>
  codePoint < 0x80 ? 1 : codePoint < 0x800 ? 2 : codePoint < 0x10000 ? 3 : 4;

/** Counts the bytes of a text in UTF-8. */
export class TextFollower extends TextEvents {
  /** Bytes in UTF-8. */
  size = 0;

  plain(_: Uint8Array, from: number, to: number): void {
    this.size += to - from;
  }

  escaped(codePoint: number): void {
    this.size += utf8Bytes(codePoint);
  }
}

/** A text in a document, as UTF-8. @param size the number of bytes */
export const textOf = (bytes: Bytes, range: Range, size: number): Source =>
  generatedSource('text/plain', size, () => transcode(bytes, range, textEvents));

/** Any value in a document, as indented JSON. Numbers and the order of keys stay as they are. */
export const jsonOf = (bytes: Bytes, range: Range): Source =>
  generatedSource('application/json', undefined, () =>
    transcode(bytes, range, (out) =>
      Object.assign(new JsonWriter(out, { pretty: true }), { finish: () => out.byte(10) }),
    ),
  );
