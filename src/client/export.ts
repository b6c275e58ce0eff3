import { createHash, randomUUID } from 'node:crypto';
import type { Receipt } from '../domain.ts';
import type { CallCourier } from './api.ts';
import { createDocumentScan, type DocumentFacts } from './document-key.ts';
import { failure, orStopped, withKey } from './errors.ts';
import { openInput, type Seekable, type Sendable, type Stream, settleStream } from './input.ts';
import { receiptSchema } from './schemas.ts';
import { usableKey } from './send-options.ts';

/**
 * What `export` takes: an object, which is written as JSON; JSON text, recognized by its first character, "{"; or, as with
 * `send`, a path, a file URL, bytes or a stream. Whatever is JSON already is forwarded byte for byte.
 */
export type ExportInput = Readonly<Record<string, unknown>> | Sendable;

export interface ExportOptions {
  /** 1 to 255 visible ASCII characters. Default: the document's own, else a new one. */
  idempotencyKey?: string;
  signal?: AbortSignal;
}

/** Kept in memory up to this size, in bytes; larger documents are read again for each attempt. */
const MAX_WHOLE_BYTES = 8 * 1024 * 1024;

const usage = (detail: string) => failure('usage', { detail });

/** https://tc39.es/proposal-json-parse-with-source/; not yet in TypeScript's library. */
const { rawJSON } = JSON as unknown as { rawJSON?: (text: string) => unknown };

/** JSON has no NaN and no Infinity, and would have null in their place. */
const exactly = (key: string, value: unknown): unknown => {
  if (typeof value === 'number' && !Number.isFinite(value)) throw usage(`"${key}" is ${value}, which JSON cannot say.`);
  return typeof value === 'bigint' && rawJSON !== undefined ? rawJSON(String(value)) : value;
};

const jsonOf = (document: object): Buffer => {
  try {
    return Buffer.from(JSON.stringify(document, exactly));
  } catch (error) {
    // What is circular, and big integers where the runtime cannot write them.
    throw error instanceof TypeError ? usage(`The document cannot be written as JSON: ${error.message}`) : error;
  }
};

const isSendable = (input: ExportInput): input is Sendable =>
  typeof input === 'string' ||
  input instanceof URL ||
  input instanceof Uint8Array ||
  input instanceof Blob ||
  input instanceof ReadableStream ||
  (typeof input === 'object' && input !== null && Symbol.asyncIterator in input);

const openDocument = (input: ExportInput): Promise<Seekable | Stream> => {
  if (typeof input === 'string' && /^\s*\{/.test(input)) {
    if (!input.isWellFormed()) throw usage('The document is not well-formed Unicode (a lone surrogate).');
    return openInput(Buffer.from(input));
  }
  if (isSendable(input)) return openInput(input);
  if (typeof input !== 'object' || input === null || Array.isArray(input))
    throw usage('The document is not an object.');
  return openInput(jsonOf(input));
};

interface Scanned {
  facts: DocumentFacts;
  /** Made anew for each attempt. */
  body: () => Uint8Array | AsyncIterable<Uint8Array>;
  headers: Record<string, string>;
  /** True when the bytes can be read only once. */
  once: boolean;
}

const scanStream = ({ bytes, head = [] }: Stream): Scanned => {
  const scan = createDocumentScan();
  for (const part of head) scan.pass(part);
  return { facts: scan.facts(), body: () => bytes, headers: {}, once: true };
};

const scanSeekable = async (input: Seekable): Promise<Scanned> => {
  const scan = createDocumentScan();
  const hash = createHash('sha256');
  const kept: Uint8Array[] = [];
  const isSmall = input.size <= MAX_WHOLE_BYTES;
  for await (const part of input.read(0, input.size)) {
    scan.pass(part);
    hash.update(part);
    if (isSmall) kept.push(part);
  }
  await input.assertUnchanged();
  const whole = Buffer.concat(kept);
  return {
    facts: scan.facts(),
    body: () => (isSmall ? whole : input.read(0, input.size)),
    // RFC 9530: what arrives is what was read here, or nothing is delivered.
    headers: { 'content-length': String(input.size), 'content-digest': `sha-256=:${hash.digest('base64')}:` },
    once: false,
  };
};

/** The key to send beside the document, and the one to name in an error. @throws CourierClientError `usage` */
const keysOf = ({ facts, once }: Scanned, given: string | undefined) => {
  if (given !== undefined && facts.key !== undefined && facts.key !== given) {
    throw usage('The document has an idempotencyKey that differs from the one given with --key.');
  }
  if (given !== undefined || facts.hasKey) return { header: given, known: given ?? facts.key };
  // Past what was looked at, a stream may have a key of its own, which another one must not contradict.
  const made = once ? undefined : randomUUID();
  return { header: made, known: made };
};

/** Has the courier make a file of an export document. @throws CourierClientError */
export const sendDocument = async (
  call: CallCourier,
  document: ExportInput,
  { idempotencyKey, signal }: ExportOptions = {},
): Promise<Receipt> => {
  const given = usableKey(idempotencyKey);
  const opened = await openDocument(document);
  try {
    const input = opened.kind === 'stream' ? await settleStream(opened, MAX_WHOLE_BYTES) : opened;
    const scanned = input.kind === 'stream' ? scanStream(input) : await scanSeekable(input);
    const { body, headers, once } = scanned;
    if (!scanned.facts.isObject) {
      throw usage(`${opened.name ?? 'The document'} is not a JSON object in UTF-8.`);
    }
    const { header, known } = keysOf(scanned, given);
    const receipt = call({
      method: 'POST',
      path: '/v1/exports',
      headers: {
        'content-type': 'application/json',
        ...headers,
        ...(header === undefined ? {} : { 'idempotency-key': header }),
      },
      body,
      once,
      answer: receiptSchema,
      signal,
    });
    return await receipt.catch((error: unknown) => {
      const stopped = orStopped(error, signal);
      throw known === undefined ? stopped : withKey(stopped, known);
    });
  } finally {
    if (opened.kind === 'seekable') await opened.close();
  }
};
