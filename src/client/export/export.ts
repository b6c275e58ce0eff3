import { createHash, randomUUID } from 'node:crypto';
import { types } from 'node:util';
import type { ColumnRule, ConflictRule, Conversion, Receipt, Rollover } from '../../domain.ts';
import { createDocumentScan, type DocumentFacts } from './document-key.ts';
import { failure, orStopped, withKey } from '../errors.ts';
import type { CallCourier } from '../http/api.ts';
import { isBlob, isError, isReadableStream, isUrl } from '../realms.ts';
import { receiptSchema } from '../schemas.ts';
import { bufferStream, openInput, type Seekable, type Sendable, type Stream } from '../send/input.ts';
import { checkedKey } from '../send/send-options.ts';

/** Where the bytes of an export come from; exactly one of these. */
export type ExportSource =
  /** Text, stored as UTF-8. */
  | { text: string }
  /** Bytes in base64. */
  | { base64: string }
  /** Any JSON value, stored as indented JSON. */
  | { json: unknown }
  /** Rows of a CSV file. The header has the keys in the order in which they first appear. */
  | { rows: readonly Readonly<Record<string, unknown>>[] }
  /** An object in Cloud Storage: `gs://bucket/object`, optionally with `#generation`. */
  | { gcs: string }
  /** The objects below `gs://bucket/prefix`, joined to one file: as CSV with one header, or byte for byte. */
  | { gcsPrefix: string; match?: string; join: 'csv' | 'bytes' }
  /** A query of BigQuery that the operator has configured. `{parameter}` in `name` and `path` becomes its value. */
  | {
      bigquery: {
        query: string;
        parameters?: Readonly<Record<string, unknown>>;
        /** Default: `csv`. */
        format?: 'csv' | 'jsonl' | 'xlsx';
        /** With `csv`: leaves texts that a spreadsheet would run as formulas as they are. */
        rawCells?: boolean;
      };
    }
  /** A whole table or view of BigQuery, `project.dataset.table`, which the operator has allowed. */
  | { bigquery: { table: string; format?: 'csv' | 'jsonl' | 'xlsx'; rawCells?: boolean } };

/** An export document: what to store, and where. The destination has defaults for fields that you leave out. */
export interface ExportDocument {
  /** Name of a destination. Default: the caller's only one, else `default`. */
  destination?: string | undefined;
  /** Name of the file in Drive, 1 to 255 characters. Objects of Cloud Storage have one of their own. */
  name?: string | undefined;
  /** Media type, such as `text/csv`. Default: that of the source, else derived from the name. */
  mimeType?: string | undefined;
  /** Folders below the destination's folder, separated by "/". Missing folders are created. */
  path?: string | undefined;
  /** What to do if the name is taken: another file (`new`), `replace`, `skip`, `fail` with the error `name-taken`, or `append` rows. */
  onConflict?: ConflictRule | undefined;
  /** Google format to convert the file to. */
  convertTo?: Conversion | undefined;
  /** With `convertTo: 'sheet'` and `onConflict: 'append'` or `'replace'`: name of the tab for the rows. Default: the first tab. */
  tab?: string | undefined;
  /** Whether columns that the tab lacks are added (`extend`) or refused (`strict`). Default: `extend`. */
  columns?: ColumnRule | undefined;
  /** Dates and times in ISO 8601 become date cells. Default: they stay texts. */
  dates?: boolean | undefined;
  /** `monthly`: the rows of each month (UTC) go into a tab of their own. */
  rollover?: Rollover | undefined;
  /** Description of the file in Drive. */
  description?: string | undefined;
  /** When the file was last modified, with a time zone (RFC 3339). Default: the time of the delivery. */
  modifiedTime?: string | undefined;
  /** When the file was created. A file that is replaced keeps its own. Default: the time of the delivery. */
  createdTime?: string | undefined;
  /** Public properties of the file in Drive: up to 30, each of up to 124 bytes of UTF-8 in its key and value. */
  properties?: Readonly<Record<string, string>> | undefined;
  /** Drive keeps this revision until it is deleted, instead of for 30 days. */
  keepRevisionForever?: boolean | undefined;
  /** Idempotency key; the option of the same name is for documents without one. */
  idempotencyKey?: string | undefined;
  /** Where the bytes come from. */
  source: ExportSource;
}

/**
 * What `export` accepts: an object, which is written as JSON; JSON text, recognized by its first character, "{"; or, as `send`
 * does, a path, a `file:` URL, bytes, a Blob or a stream with JSON. JSON is forwarded byte for byte.
 */
export type ExportInput = ExportDocument | Sendable;

/** Options of `export`. */
export interface ExportOptions {
  /**
   * 1 to 255 visible ASCII characters. Exporting again with the same key returns the same file instead of creating another.
   * Default: the document's own key, else a new one.
   */
  idempotencyKey?: string | undefined;
  /** Stops the call with the error `stopped`. */
  signal?: AbortSignal | undefined;
}

/** Documents up to this size are kept in memory. Larger files are read again for each attempt. */
const MAX_WHOLE_BYTES = 8 * 1024 * 1024;

const usage = (detail: string) => failure('usage', { detail });

/** TypeScript's library and Node 20 lack this function: https://tc39.es/proposal-json-parse-with-source/ */
const { rawJSON } = JSON as unknown as { rawJSON?: (text: string) => unknown };

/** JSON has no NaN and no Infinity; JSON.stringify would write null. */
const writeExactly = (key: string, value: unknown): unknown => {
  if (typeof value === 'number' && !Number.isFinite(value))
    throw usage(`"${key}" is ${value}, which JSON cannot express.`);
  return typeof value === 'bigint' && rawJSON !== undefined ? rawJSON(String(value)) : value;
};

const jsonOf = (document: object): Buffer => {
  try {
    return Buffer.from(JSON.stringify(document, writeExactly));
  } catch (error) {
    // Circular objects, and big integers where the runtime cannot write them.
    throw isError(error) && error.name === 'TypeError'
      ? usage(`The document cannot be written as JSON: ${error.message}`)
      : error;
  }
};

const isSendable = (input: ExportInput): input is Sendable =>
  typeof input === 'string' ||
  isUrl(input) ||
  types.isUint8Array(input) ||
  isBlob(input) ||
  isReadableStream(input) ||
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
  /** Called for each attempt. */
  body: () => Uint8Array | AsyncIterable<Uint8Array>;
  headers: Record<string, string>;
  /** True when the bytes can be read only once. */
  once: boolean;
}

const scanStream = ({ bytes, head = [] }: Stream): Scanned => {
  const scan = createDocumentScan();
  for (const part of head) scan.add(part);
  return { facts: scan.facts(), body: () => bytes, headers: {}, once: true };
};

const scanSeekable = async (input: Seekable): Promise<Scanned> => {
  const scan = createDocumentScan();
  const hash = createHash('sha256');
  const kept: Uint8Array[] = [];
  const isSmall = input.size <= MAX_WHOLE_BYTES;
  for await (const part of input.read(0, input.size)) {
    scan.add(part);
    hash.update(part);
    if (isSmall) kept.push(part);
  }
  await input.assertUnchanged();
  const whole = Buffer.concat(kept);
  return {
    facts: scan.facts(),
    body: () => (isSmall ? whole : input.read(0, input.size)),
    // RFC 9530: if other bytes arrive, nothing is delivered.
    headers: { 'content-length': String(input.size), 'content-digest': `sha-256=:${hash.digest('base64')}:` },
    once: false,
  };
};

/** The key to send in the header, and the key to report in errors. @throws CourierClientError `usage` */
const keysOf = ({ facts, once }: Scanned, given: string | undefined) => {
  if (given !== undefined && facts.key !== undefined && facts.key !== given) {
    throw usage('The document has another idempotencyKey than the one given with --key.');
  }
  if (given !== undefined || facts.hasKey) return { header: given, known: given ?? facts.key };
  // Beyond the part that was scanned, a stream may have a key of its own. A header must not contradict it.
  const generated = once ? undefined : randomUUID();
  return { header: generated, known: generated };
};

/** Sends an export document to the courier. @throws CourierClientError */
export const sendDocument = async (
  call: CallCourier,
  document: ExportInput,
  { idempotencyKey, signal }: ExportOptions = {},
): Promise<Receipt> => {
  const given = checkedKey(idempotencyKey);
  const opened = await openDocument(document);
  try {
    const input = opened.kind === 'stream' ? await bufferStream(opened, MAX_WHOLE_BYTES) : opened;
    const scanned = input.kind === 'stream' ? scanStream(input) : await scanSeekable(input);
    const { body, headers, once } = scanned;
    if (!scanned.facts.isObject) {
      throw usage(`${opened.name ?? 'The document'} is not a JSON object in UTF-8.`);
    }
    if (scanned.facts.isMany) {
      throw failure('usage', {
        detail: 'The document delivers each object below a prefix as a file, and "export" returns one receipt.',
        remedy:
          'Add "join" to the source, or send the document to POST /v1/exports, whose response has a line for each file.',
      });
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
