import { setImmediate as turn } from 'node:timers/promises';
import type { Source } from '../delivery.ts';

const PIECE_CHARACTERS = 65_536;

/** Gathers texts into pieces worth sending, and lets others have their turn between two of them. */
async function* encoded(texts: Iterable<string>): AsyncGenerator<Uint8Array> {
  let gathered: string[] = [];
  let characters = 0;
  for (const text of texts) {
    gathered.push(text);
    characters += text.length;
    if (characters < PIECE_CHARACTERS) continue;
    yield Buffer.from(gathered.join(''));
    gathered = [];
    characters = 0;
    await turn();
  }
  if (characters > 0) yield Buffer.from(gathered.join(''));
}

async function* from(offset: number, bytes: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let skip = offset;
  for await (const piece of bytes) {
    if (skip < piece.byteLength) yield piece.subarray(skip);
    skip = Math.max(0, skip - piece.byteLength);
  }
}

/** A text that is made while it is read, and made again, the same, when it is read again. */
export const repeatable = (mimeType: string, make: () => Iterable<string>): Source => ({
  size: undefined,
  mimeType,
  open: () => encoded(make()),
  openAt: (offset) => from(offset, encoded(make())),
});
