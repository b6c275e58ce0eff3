import { badRequest } from '../errors.ts';

export interface RelatedParts {
  /** The bytes of the first part, which is JSON. */
  metadata: Buffer;
  media: Buffer;
  /** The Content-Type of the media part, if it has one. */
  mediaType: string | undefined;
}

interface Part {
  headers: ReadonlyMap<string, string>;
  body: Buffer;
}

const malformed = (): Error => badRequest('Malformed multipart body.');
const LF = 0x0a;
const CR = 0x0d;
const DASH = 0x2d;

/**
 * Reads the boundary (RFC 2046), which may be quoted. @throws DriveError 400 for another media type or a missing
 * boundary
 */
export function boundaryOf(contentType: string | undefined): string {
  const [type = ''] = (contentType ?? '').split(';');
  if (type.trim().toLowerCase() !== 'multipart/related')
    throw badRequest(`Unsupported content with type: ${type.trim() || 'application/octet-stream'}`, 'badContent');
  const found = /;\s*boundary=(?:"((?:[^"\\]|\\.)+)"|([^\s;"]+))/i.exec(contentType ?? '');
  const boundary = found?.[1]?.replace(/\\(.)/g, '$1') ?? found?.[2];
  if (boundary === undefined) throw badRequest('Missing multipart boundary.', 'badContent');
  return boundary;
}

interface Delimiter {
  /** The position of the line break before the delimiter. */
  from: number;
  /** The position after the delimiter's own line break. */
  to: number;
  isLast: boolean;
}

const lineEndAfter = (body: Buffer, at: number): number | undefined => {
  const end = body.indexOf(LF, at);
  const between = body.subarray(at, end < 0 ? body.length : end).toString('latin1');
  if (end < 0 || !/^[ \t]*\r?$/.test(between)) return undefined;
  return end + 1;
};

/**
 * Finds the delimiter lines: two dashes and the boundary. Line breaks are CRLF, or LF as Python's email package writes
 * them.
 */
function* delimitersOf(body: Buffer, boundary: string): Generator<Delimiter> {
  const mark = Buffer.from(`--${boundary}`);
  let breakBytes: 1 | 2 | undefined;
  for (let at = body.indexOf(mark); at >= 0; at = body.indexOf(mark, at + mark.length)) {
    if (at > 0 && body[at - 1] !== LF) continue;
    const after = at + mark.length;
    const isLast = body[after] === DASH && body[after + 1] === DASH;
    const to = isLast ? after + 2 : lineEndAfter(body, after);
    if (to === undefined) continue;
    // The first delimiter determines the kind of line break. So media that end in CR keep it before a delimiter with
    // LF.
    breakBytes ??= body[to - 2] === CR ? 2 : 1;
    if (at > 0 && breakBytes === 2 && body[at - 2] !== CR) continue;
    yield { from: Math.max(0, at - breakBytes), to, isLast };
    if (isLast) return;
  }
}

const readPart = (bytes: Buffer): Part => {
  const headers = new Map<string, string>();
  for (let at = 0; ; ) {
    const end = bytes.indexOf(LF, at);
    if (end < 0) throw malformed();
    const line = bytes.subarray(at, end).toString('utf8').trimEnd();
    at = end + 1;
    if (line === '') return { headers, body: bytes.subarray(at) };
    const colon = line.indexOf(':');
    if (colon <= 0) throw malformed();
    headers.set(line.slice(0, colon).trim().toLowerCase(), line.slice(colon + 1).trim());
  }
};

const decoded = ({ headers, body }: Part): Buffer => {
  const encoding = headers.get('content-transfer-encoding')?.toLowerCase() ?? 'binary';
  if (['binary', '8bit', '7bit'].includes(encoding)) return body;
  if (encoding !== 'base64') throw badRequest(`Unsupported Content-Transfer-Encoding: ${encoding}`, 'badContent');
  const text = body.toString('latin1').replace(/\s+/g, '');
  if (!/^[A-Za-z0-9+/]*={0,2}$/.test(text) || text.length % 4 !== 0) throw malformed();
  return Buffer.from(text, 'base64');
};

/**
 * Parses a `multipart/related` body (RFC 2387) of metadata and media, in this order. Source:
 * guides/manage-uploads#multipart.
 * @throws DriveError 400 for anything else
 */
export function parseRelated(body: Buffer, boundary: string): RelatedParts {
  const delimiters = [...delimitersOf(body, boundary)];
  if (delimiters.length !== 3 || delimiters[2]?.isLast !== true) throw malformed();
  const [first, second] = delimiters.slice(1).map(({ from }, index) => {
    const start = delimiters[index]?.to ?? 0;
    // A part without headers starts with the empty line that ends the headers.
    return readPart(body.subarray(start, Math.max(start, from)));
  });
  if (first === undefined || second === undefined) throw malformed();
  if (!/^application\/json\s*(;|$)/i.test(first.headers.get('content-type') ?? 'application/json'))
    throw badRequest(`Unsupported content with type: ${first.headers.get('content-type')}`, 'badContent');
  return { metadata: decoded(first), media: decoded(second), mediaType: second.headers.get('content-type') };
}
