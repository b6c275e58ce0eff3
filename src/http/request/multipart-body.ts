import { CourierError } from '../../errors.ts';
import { isToken, trimBlanks } from '../../text/http-grammar.ts';

/** The headers of one part of a form. Names are in lower case, values are bytes decoded as Latin-1. */
type PartHeaders = ReadonlyMap<string, string>;

export interface Part {
  headers: PartHeaders;
  /** The part's bytes. Read them to the end before you request the next part. */
  read(): AsyncIterable<Uint8Array>;
}

const MAX_HEADER_BYTES = 8_192;
const MAX_HEADERS = 16;
const MAX_PREAMBLE_BYTES = 65_536;
const START_BYTES = 512;
const CR = 13;
const CRLF = Buffer.from('\r\n');
const HEADERS_END = Buffer.from('\r\n\r\n');

/** RFC 2046, 5.1.1 allows 70 characters. Some clients send more, which is harmless. */
const MAX_BOUNDARY_LENGTH = 200;
const BOUNDARY = /^[\w'()+,./:=? -]*[\w'()+,./:=?-]$/;
const LF = 10;

const SEND_A_FORM =
  'Let the HTTP library write the form and its Content-Type (curl: --form), and do not set that header yourself.';

const invalid = (detail: string, remedy?: string): CourierError =>
  new CourierError('request-invalid', { detail, remedy });
const bareLineFeeds = (): CourierError =>
  invalid('The lines of the form end in LF alone; they must end in CR LF (RFC 2046, 4.1.1).', SEND_A_FORM);
const within = (): CourierError => invalid('A part of the form contains the boundary.');
const cut = (boundary: string): CourierError =>
  new CourierError('body-truncated', {
    detail: `The form ended before its closing boundary, the line "--${boundary}--".`,
  });

/** Explains why no boundary was found in a body. */
const withoutBoundary = (start: Buffer, boundary: string): CourierError => {
  const [line = ''] = start.toString('latin1').split(/\r?\n/, 1);
  const own = /^--([\w'()+,./:=? -]{1,200})$/.exec(line)?.[1];
  if (own === undefined) {
    return invalid(`The body has no line "--${boundary}", the boundary that its Content-Type names.`, SEND_A_FORM);
  }
  if (own === boundary) return bareLineFeeds();
  return invalid(`The form begins with the boundary "${own}", and its Content-Type names "${boundary}".`, SEND_A_FORM);
};

const parseHeaders = (block: string): PartHeaders => {
  const lines = block === '' ? [] : block.split('\r\n');
  if (lines.length > MAX_HEADERS) throw invalid(`A part of the form has more than ${MAX_HEADERS} headers.`);
  const headers = new Map<string, string>();
  for (const line of lines) {
    if (line.includes('\n')) throw bareLineFeeds();
    const colon = line.indexOf(':');
    const name = line.slice(0, Math.max(0, colon)).toLowerCase();
    if (!isToken(name) || /[\r\n\0]/.test(line)) throw invalid('A part of the form has a header that cannot be read.');
    if (headers.has(name)) throw invalid(`A part of the form has "${name}" twice.`);
    headers.set(name, trimBlanks(line.slice(colon + 1)));
  }
  return headers;
};

/**
 * Reads a `multipart/form-data` body part by part (RFC 7578, RFC 2046), at the pace of its consumer: nothing is read
 * ahead. A part that cannot be parsed is an error. It is never skipped, because then data would be lost.
 * @throws CourierError `request-invalid`; `body-truncated` if the closing boundary is missing
 */
export async function* readParts(body: AsyncIterable<Uint8Array>, boundary: string): AsyncGenerator<Part> {
  if (boundary.length > MAX_BOUNDARY_LENGTH)
    throw invalid(`The boundary of the form has more than ${MAX_BOUNDARY_LENGTH} characters.`);
  if (!BOUNDARY.test(boundary)) throw invalid('The boundary of the form is not one that RFC 2046 allows.');
  const delimiter = Buffer.from(`\r\n--${boundary}`);
  const chunks = body[Symbol.asyncIterator]();
  // The first delimiter may be at the start of the body, without a preceding CRLF.
  let held: Buffer = CRLF;
  /** The first bytes of the body, to explain the error if no boundary is found. */
  let start: Buffer = Buffer.alloc(0);
  let started = false;
  const endedBefore = (): CourierError =>
    start.byteLength < delimiter.byteLength - CRLF.byteLength ? cut(boundary) : withoutBoundary(start, boundary);

  const fill = async (): Promise<void> => {
    const { done, value } = await chunks.next();
    if (done) throw started ? cut(boundary) : endedBefore();
    if (start.byteLength < START_BYTES) start = Buffer.concat([start, value.subarray(0, START_BYTES)]);
    held =
      held.byteLength === 0
        ? Buffer.from(value.buffer, value.byteOffset, value.byteLength)
        : Buffer.concat([held, value]);
  };

  /** Yields the bytes before the next delimiter, and consumes the delimiter. */
  // biome-ignore lint/complexity/noExcessiveCognitiveComplexity: one search decides what is yielded, what is kept, and what is read next.
  async function* untilDelimiter(): AsyncGenerator<Uint8Array> {
    for (;;) {
      const at = held.indexOf(delimiter);
      const free = at === -1 ? held.byteLength - delimiter.byteLength + 1 : at;
      // Hold back only bytes that may be the start of a delimiter.
      const suspect = at === -1 ? held.indexOf(CR, Math.max(0, free)) : at;
      const end = suspect === -1 ? held.byteLength : suspect;
      const bytes = held.subarray(0, end);
      held = held.subarray(at === -1 ? end : at + delimiter.byteLength);
      if (bytes.byteLength > 0) yield bytes;
      if (at !== -1) return;
      await fill();
    }
  }

  /** Reads the bytes before `mark`, at most `most` of them. The mark itself is not consumed. */
  const upTo = async (mark: Buffer, most: number, what: string): Promise<Buffer> => {
    for (;;) {
      const at = held.indexOf(mark);
      if (at > most || (at === -1 && held.byteLength > most + mark.byteLength)) throw invalid(`${what} is too long.`);
      if (at !== -1) {
        const bytes = held.subarray(0, at);
        held = held.subarray(at);
        return bytes;
      }
      await fill();
    }
  };

  /** Reads the rest of a delimiter's line; true for the closing delimiter. */
  const isClosed = async (): Promise<boolean> => {
    started = true;
    while (held.byteLength < 2) await fill();
    if (held.toString('latin1', 0, 2) === '--') {
      await closeLine();
      return true;
    }
    if (held[0] === LF) throw bareLineFeeds();
    const padding = await upTo(CRLF, 256, 'The line of a boundary');
    if (!/^[ \t]*$/.test(padding.toString('latin1'))) throw within();
    return false;
  };

  /**
   * Checks that the line or the body ends after the closing delimiter. Otherwise the delimiter is part of the file's
   * content, and the file would be truncated silently.
   */
  const closeLine = async (): Promise<void> => {
    held = held.subarray(2);
    while (held.indexOf(CRLF) === -1 && held.byteLength <= 256) {
      const { done, value } = await chunks.next();
      if (done) break;
      held = Buffer.concat([held, value]);
    }
    if (!/^[ \t]*(?:\r\n|$)/.test(held.toString('latin1'))) throw within();
  };

  /** Yields the buffered bytes, then the rest of the body. */
  async function* rest(): AsyncGenerator<Uint8Array> {
    yield held;
    yield* { [Symbol.asyncIterator]: () => chunks };
  }

  /** Discards a preamble or an epilogue, which RFC 2046 allows. A large one is rejected as a probable mistake. */
  const drain = async (bytes: AsyncIterable<Uint8Array>, what: string): Promise<void> => {
    let size = 0;
    for await (const chunk of bytes) {
      size += chunk.byteLength;
      if (size > MAX_PREAMBLE_BYTES) throw invalid(`There are too many bytes ${what} the form.`);
    }
  };

  try {
    await drain(untilDelimiter(), 'before');
    while (!(await isClosed())) {
      // `held` starts with the CRLF of the boundary's line, so the headers of a part without headers end immediately.
      const block = await upTo(HEADERS_END, MAX_HEADER_BYTES, 'A part’s header');
      const headers = parseHeaders(block.toString('latin1').slice(CRLF.byteLength));
      // In a part without bytes, the CRLF of the empty line is also that of the next delimiter.
      held = held.subarray(CRLF.byteLength);
      let finished = false;
      const read = async function* (): AsyncGenerator<Uint8Array> {
        while (held.byteLength < delimiter.byteLength) await fill();
        if (!held.subarray(0, delimiter.byteLength).equals(delimiter)) held = held.subarray(CRLF.byteLength);
        yield* untilDelimiter();
        finished = true;
      };
      yield { headers, read };
      if (!finished) throw new Error('a part was left before its end');
    }
    await drain(rest(), 'after');
  } finally {
    await chunks.return?.();
  }
}
