import { CourierError } from '../../errors.ts';

export interface Shard {
  /** `gs://bucket/object`, for errors. */
  label: string;
  bytes: AsyncIterable<Uint8Array>;
}

const QUOTE = 0x22;
const NEWLINE = 0x0a;
const MAX_HEADER_BYTES = 1_048_576;
const BYTE_ORDER_MARK = Buffer.from('\ufeff');

const ONE_TABLE = 'Join only shards of one table. For other files use join: "bytes", or no join.';

const invalid = (detail: string, reason = 'csv-header', remedy = ONE_TABLE): CourierError =>
  new CourierError('request-invalid', { detail, reason, remedy });

const unclosed = (label: string): CourierError =>
  invalid(
    `${label} ends inside a quoted cell, which would continue in the next object.`,
    'csv-quotes',
    'Check that the object is complete. Without "join", objects are delivered unchanged.',
  );

/** In UTF-16, line breaks and quotes have other bytes. */
const checkEncoding = (header: Buffer, label: string): void => {
  const mark = header.subarray(0, 2).toString('hex');
  if (mark !== 'fffe' && mark !== 'feff') return;
  throw invalid(
    `${label} is UTF-16.`,
    'csv-encoding',
    'Export the shards as UTF-8. Without "join", they are delivered unchanged.',
  );
};

/** Bytes after which a quote begins a quoted cell: line breaks and the usual delimiters. */
const CELL_STARTS: ReadonlySet<number> = new Set(Buffer.from('\n\r,;\t|'));

/** Follows the quotes in records. A quote inside a cell that is not quoted has no meaning. */
const createQuotes = () => {
  let isOpen = false;
  let position = 0;
  let closedAt = -1;
  let last = NEWLINE;
  return {
    add(piece: Uint8Array): void {
      for (let at = piece.indexOf(QUOTE); at !== -1; at = piece.indexOf(QUOTE, at + 1)) {
        const before = (at === 0 ? last : piece[at - 1]) ?? NEWLINE;
        const isDoubled = closedAt === position + at - 1;
        if (isOpen) closedAt = position + at;
        isOpen = !isOpen && (isDoubled || CELL_STARTS.has(before));
      }
      position += piece.byteLength;
      last = piece.at(-1) ?? last;
    },
    isOpen: () => isOpen,
  };
};

/** Finds the end of the first record, whose quoted cells may have line breaks. */
const createHeaderEnd = () => {
  const quotes = createQuotes();
  let marked = 0;
  /** Bytes of the byte order mark at the beginning, which is no part of the first cell. */
  const markIn = (piece: Uint8Array): number => {
    let at = 0;
    while (at < piece.byteLength && marked < BYTE_ORDER_MARK.byteLength && piece[at] === BYTE_ORDER_MARK[marked]) {
      at += 1;
      marked += 1;
    }
    if (at < piece.byteLength) marked = BYTE_ORDER_MARK.byteLength;
    return at;
  };
  return {
    in(piece: Uint8Array): number | undefined {
      let start = markIn(piece);
      for (let end = piece.indexOf(NEWLINE, start); end !== -1; end = piece.indexOf(NEWLINE, start)) {
        quotes.add(piece.subarray(start, end));
        if (!quotes.isOpen()) return end + 1;
        quotes.add(piece.subarray(end, end + 1));
        start = end + 1;
      }
      quotes.add(piece.subarray(start));
      return undefined;
    },
    isQuoted: quotes.isOpen,
  };
};

interface Opened {
  header: Buffer;
  rest: AsyncGenerator<Uint8Array>;
}

/** Reads the header of a shard. */
const readHeader = async (label: string, reader: AsyncIterator<Uint8Array>): Promise<Opened> => {
  const headerEnd = createHeaderEnd();
  const pieces: Buffer[] = [];
  let first: Uint8Array | undefined;
  for (let size = 0; ; ) {
    const { done, value } = await reader.next();
    if (done === true) break;
    const end = headerEnd.in(value);
    const part = Buffer.from(value.subarray(0, end));
    pieces.push(part);
    size += part.byteLength;
    if (size > MAX_HEADER_BYTES) throw invalid(`${label} has a header of more than ${MAX_HEADER_BYTES} bytes.`);
    if (end !== undefined) {
      first = Buffer.from(value.subarray(end));
      break;
    }
  }
  const header = Buffer.concat(pieces);
  checkEncoding(header, label);
  if (first === undefined && headerEnd.isQuoted()) throw unclosed(label);
  async function* rest(): AsyncGenerator<Uint8Array> {
    if (first === undefined) return;
    if (first.byteLength > 0) yield first;
    yield* { [Symbol.asyncIterator]: () => reader };
  }
  return { header, rest: rest() };
};

/** The header without what does not change its meaning: a byte order mark and the kind of the line break. */
const contentOf = (header: Buffer): string => {
  const hasMark = header.subarray(0, BYTE_ORDER_MARK.byteLength).equals(BYTE_ORDER_MARK);
  return header
    .subarray(hasMark ? BYTE_ORDER_MARK.byteLength : 0)
    .toString('latin1')
    .replace(/\r?\n$/, '');
};

/**
 * Passes on the records of a shard.
 * @param last the byte before them; the record that ends with it may have no line break
 * @returns the last byte
 * @throws CourierError `request-invalid` if they end inside a quoted cell
 */
async function* recordsAfter(
  last: number,
  records: AsyncIterable<Uint8Array>,
  label: string,
): AsyncGenerator<Uint8Array, number> {
  const quotes = createQuotes();
  let end = last;
  let isFirst = true;
  for await (const piece of records) {
    if (piece.byteLength === 0) continue;
    if (isFirst && last !== NEWLINE) yield Buffer.from('\n');
    isFirst = false;
    end = piece.at(-1) ?? NEWLINE;
    quotes.add(piece);
    yield piece;
  }
  if (quotes.isOpen()) throw unclosed(label);
  return end;
}

/**
 * Joins CSV files to one: the header of the first, then the records of all. Empty files are skipped.
 * @throws CourierError `request-invalid` if a header differs from the first one, or a shard cannot be joined
 */
export async function* joinCsv(shards: AsyncIterable<Shard>): AsyncGenerator<Uint8Array> {
  let first: { label: string; content: string } | undefined;
  let last = NEWLINE;
  for await (const { label, bytes } of shards) {
    const reader = bytes[Symbol.asyncIterator]();
    try {
      const { header, rest } = await readHeader(label, reader);
      if (header.byteLength === 0 || header.equals(BYTE_ORDER_MARK)) continue;
      const content = contentOf(header);
      if (content === '') throw invalid(`The header of ${label} is empty: its first line has no text.`);
      if (first === undefined) {
        first = { label, content };
        yield header;
        last = header.at(-1) ?? NEWLINE;
      } else if (content !== first.content) {
        throw invalid(`The header of ${label} differs from that of ${first.label}.`);
      }
      last = yield* recordsAfter(last, rest, label);
    } finally {
      // A shard that is not read to its end keeps a connection open.
      await reader.return?.();
    }
  }
}
