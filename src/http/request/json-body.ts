import { CourierError } from '../../errors.ts';
import { ByteWriter } from '../../exports/bytes/byte-writer.ts';
import { createJsonFeed, Spool } from '../../exports/bytes/spool.ts';
import { rejectEqualKeys } from '../../exports/json/exact-json.ts';
import type { JsonScanner } from '../../exports/json/scanner.ts';
import { TURN_BYTES, turn } from '../../turns.ts';
import type { DocumentLease } from '../document-memory.ts';
import type { CourierContext } from '../request-context.ts';
import { readBodyDigests, withDigests } from './body-digests.ts';
import { readContentType, rejectCodings, rejectTrailers } from './body-headers.ts';
import { type MinThroughput, requestBody } from './incoming-request.ts';

const JSON_TYPE = /^application\/([\w.!#$&^+-]+\+)?json$/;

/** Stricter than for files: a document occupies memory while it arrives, a file is streamed to Drive. */
const DOCUMENT_MIN_THROUGHPUT: MinThroughput = { windowSeconds: 20, bytesPerSecond: 1_000 };

/** A JSON body that is read completely. */
export interface JsonBody {
  /** Bytes, if the request announces it. */
  size: number | undefined;
  /** Reads a small body. @throws CourierError `too-large`, `body-truncated` */
  read(): Promise<Buffer>;
  /**
   * Reads the body into memory and scans it while it arrives.
   * If a digest is announced, it is checked first, so damage in transit is not reported as malformed JSON.
   * @throws CourierError `too-large`, `body-truncated`, `digest-mismatch`, `busy`, and what the scanner throws
   */
  collect(scanner: JsonScanner, lease: Pick<DocumentLease, 'take'>): Promise<Spool>;
}

const collect = async (
  pieces: AsyncIterable<Uint8Array>,
  scanner: JsonScanner,
  { lease, hasDigests }: { lease: Pick<DocumentLease, 'take'>; hasDigests: boolean },
): Promise<Spool> => {
  const spool = new Spool();
  const feed = createJsonFeed(scanner);
  let failure: { error: unknown } | undefined;
  const scan = async (work: () => Promise<void> | void): Promise<void> => {
    try {
      if (failure === undefined) await work();
    } catch (error) {
      if (!hasDigests) throw error;
      failure = { error };
    }
  };
  for await (const piece of pieces) {
    if (failure === undefined) {
      lease.take(piece.byteLength);
      spool.add(piece);
    }
    await scan(async () => {
      for (let at = 0; at < piece.byteLength; at += TURN_BYTES) {
        if (at > 0) await turn();
        feed.add(piece.subarray(at, at + TURN_BYTES));
      }
    });
  }
  await scan(() => feed.end());
  if (failure !== undefined) throw failure.error;
  return spool;
};

interface JsonBodyOptions {
  /** The error detail for a body of another media type. */
  otherwise?: string;
  /** What to do about a body that is larger than `maxBytes`. The remedy for a file would not help. */
  remedy?: string;
  minThroughput?: MinThroughput | undefined;
  /** How much the caller presses the others, from 0 to 1. */
  pressure?: () => number;
}

/**
 * Checks the headers of a JSON request. No byte of the body is read yet.
 * @param maxBytes the maximum size of the body
 * @throws CourierError `media-type-unsupported`, `too-large`
 */
export const jsonBody = (
  context: CourierContext,
  maxBytes: number,
  {
    otherwise = 'The body must be application/json.',
    remedy = 'Shorten the document. It has only options; the bytes of the file are sent to the upload URL.',
    minThroughput = DOCUMENT_MIN_THROUGHPUT,
    pressure,
  }: JsonBodyOptions = {},
): JsonBody => {
  const { headers } = context.req.raw;
  const { incoming, begin } = context.env;
  rejectCodings(headers);
  const digests = readBodyDigests((name) => headers.get(name));
  const body = requestBody(incoming, { maxBytes, remedy, minThroughput, pressure, begin });
  const { mediaType, parameters } = readContentType(headers.get('content-type'));
  if (body.size !== 0 && !JSON_TYPE.test(mediaType)) {
    throw new CourierError('media-type-unsupported', { detail: otherwise });
  }
  const charset = parameters?.get('charset')?.toLowerCase() ?? 'utf-8';
  if (!['utf-8', 'utf8', 'us-ascii'].includes(charset)) {
    throw new CourierError('media-type-unsupported', {
      detail: `JSON must be UTF-8 (RFC 8259), not ${charset.slice(0, 40)}.`,
    });
  }
  const pieces = (): AsyncIterable<Uint8Array> =>
    withDigests(
      body.read(true, () => rejectTrailers(incoming)),
      digests,
    );
  return {
    size: body.size,
    async read() {
      const out = new ByteWriter(1_024);
      for await (const piece of pieces()) out.bytes(piece, 0, piece.byteLength);
      return out.take();
    },
    collect: (scanner, lease) => collect(pieces(), scanner, { lease, hasDigests: digests.length > 0 }),
  };
};

/**
 * Reads and parses a small JSON body.
 * @returns undefined for an empty body
 * @throws CourierError `too-large`, `body-truncated`, `request-invalid`
 */
export const readJson = async (body: JsonBody): Promise<unknown> => {
  const bytes = await body.read();
  if (bytes.byteLength === 0) return undefined;
  return parseJson(bytes);
};

/** @throws CourierError `request-invalid` */
const parseJson = (bytes: Uint8Array): unknown => {
  let text: string;
  let parsed: unknown;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
    parsed = JSON.parse(text);
  } catch {
    // The parser's own message would quote the text.
    throw new CourierError('request-invalid', { detail: 'The body is not valid JSON in UTF-8.' });
  }
  rejectEqualKeys(text);
  return parsed;
};
