import { z } from 'zod';
import type { DeliveryOptions, Source } from '../domain.ts';
import { CourierError } from '../errors.ts';
import { fileName } from '../text/file-name.ts';
import { specificType } from '../text/media-type-by-name.ts';
import { Base64Follower, base64Of } from './bytes/base64.ts';
import { parseObjectName } from './sources/object-name.ts';
import { isRawNumber, parseExactJson } from './json/exact-json.ts';
import { type Follower, JsonOutline, PASS_OVER, type ValueType } from './json/outline.ts';
import { JsonScanner } from './json/scanner.ts';
import { RowsFollower, rowsOf } from './sources/rows.ts';
import { type Bytes, scanAll } from './bytes/spool.ts';
import { jsonOf, TextFollower, textOf } from './bytes/transcode.ts';
import { type SourceRequest, openObjectSource } from './source-access.ts';
import { IDEMPOTENCY_KEY } from '../http/request/body-headers.ts';
import { nameOfObject } from './object-place.ts';
import { mimeTypeOption, optionShape, parseInput } from '../http/request/options.ts';
import type { HttpDependencies } from '../http/dependencies.ts';

/** What a document may take its bytes from; `rawCells` goes with `rows`. */
const WAYS = ['text', 'base64', 'json', 'rows', 'gcs'] as const;

type Row = Readonly<Record<string, unknown>>;

const isRow = (value: unknown): value is Row =>
  typeof value === 'object' && value !== null && !Array.isArray(value) && !isRawNumber(value);

const source = z
  .strictObject({
    text: z.exactOptional(z.string()).meta({ description: 'Saved as UTF-8, with the media type text/plain.' }),
    base64: z.exactOptional(z.string()).meta({
      description: 'The bytes in base64 (RFC 4648, section 4).',
      contentEncoding: 'base64',
    }),
    json: z.exactOptional(z.unknown()).meta({ description: 'Any value, saved as indented JSON.' }),
    rows: z
      .exactOptional(z.array(z.custom<Row>(isRow, 'is not an object').meta({ type: 'object' })))
      .meta({ description: 'Saved as CSV: the header from the keys in first-seen order.' }),
    rawCells: z.exactOptional(z.boolean()).meta({
      description: 'With rows: text cells that a spreadsheet would run as a formula are left as they are.',
    }),
    gcs: z.exactOptional(z.string()).meta({
      description:
        'gs://bucket/object or gs://bucket/object#generation; an object below one of the "sources" that the operator allows.',
    }),
  })
  .superRefine((given, context) => {
    const ways = WAYS.filter((way) => Object.hasOwn(given, way));
    if (ways.length !== 1) {
      const message = `needs exactly one of ${WAYS.join(', ')}${ways.length === 0 ? '' : `, and has ${ways.join(', ')}`}`;
      context.addIssue({ code: 'custom', message });
    }
    if (given.rawCells !== undefined && given.rows === undefined) {
      context.addIssue({ code: 'custom', path: ['rawCells'], message: 'goes with rows alone' });
    }
  })
  .meta({ oneOf: WAYS.map((way) => ({ type: 'object', properties: { [way]: {} }, required: [way] })) });

/** What may be said of a file besides its bytes: the fields of an export document, and the attributes of a Pub/Sub message. */
export const fileShape = {
  ...optionShape,
  mimeType: z.exactOptional(mimeTypeOption),
  idempotencyKey: z.exactOptional(z.string().regex(IDEMPOTENCY_KEY, 'must be 1 to 255 visible ASCII characters')),
};

/** The export document: the same JSON in `POST /v1/exports` and in a Pub/Sub message. */
export const exportDocument = z
  .strictObject({
    ...fileShape,
    name: z.exactOptional(fileName).meta({
      description: 'May be left out with gcs alone: then it is the last segment of the object’s name.',
    }),
    source,
  })
  .superRefine(({ name, source: { gcs } }, context) => {
    if (name === undefined && gcs === undefined) {
      context.addIssue({ code: 'custom', path: ['name'], message: 'is missing', params: { code: 'name-invalid' } });
    }
  });

export type ExportDocument = z.output<typeof exportDocument>;

/** What a document comes to: the options of a delivery, and its bytes. */
export interface OpenedExport {
  options: DeliveryOptions;
  source: Source;
  idempotencyKey?: string;
}

/** Bytes with what is said of them. */
export const asExport = (
  { mimeType, idempotencyKey, ...options }: DeliveryOptions & { mimeType?: string; idempotencyKey?: string },
  source: Source,
): OpenedExport => ({
  options,
  source: mimeType === undefined ? source : { ...source, mimeType: specificType(mimeType, options.name) },
  ...(idempotencyKey === undefined ? {} : { idempotencyKey }),
});

/** A document that has been read. */
export interface ReadDocument {
  fields: ExportDocument;
  /** The file's bytes, where they are in the document itself. */
  inline: Source | undefined;
}

/** Documents are scanned as they come; only what is left of them without the file's bytes is parsed, and that is small. */
const MAX_OUTLINE_BYTES = 65_536;

/** What the scanner finds out about the file in a document. */
const createFindings = () => {
  const rows: RowsFollower[] = [];
  const base64: Base64Follower[] = [];
  const texts: TextFollower[] = [];
  const followed = <One>(all: One[], one: One): One => {
    all.push(one);
    return one;
  };
  return {
    rows,
    base64,
    texts,
    follow(path: string, type: ValueType): Follower | undefined {
      if (path === 'source.json') return { ...PASS_OVER, stand: 'null' };
      if (path === 'source.rows' && type === 'array') return followed(rows, new RowsFollower());
      if (path === 'source.text' && type === 'text') return followed(texts, new TextFollower());
      if (path === 'source.base64' && type === 'text') return followed(base64, new Base64Follower());
      return undefined;
    },
  };
};

/** Reads a document: its scanner is to be given all bytes, then `finish` says what the document is. */
export const createDocumentReader = (): { scanner: JsonScanner; finish(bytes: Bytes): ReadDocument } => {
  const { rows, base64, texts, follow } = createFindings();
  const outline = new JsonOutline({ objects: ['source'], follow, maxBytes: MAX_OUTLINE_BYTES });
  const scanner = new JsonScanner(outline);
  outline.follows(scanner);

  const inlineOf = ({ source: given }: ExportDocument, bytes: Bytes): Source | undefined => {
    const [range] = outline.found.filter(({ path }) => path.startsWith('source.'));
    if (range === undefined || given.gcs !== undefined) return undefined;
    const [row] = rows;
    const [digits] = base64;
    const [text] = texts;
    if (row !== undefined) {
      row.check();
      return rowsOf(bytes, range, { ...row, rawCells: given.rawCells ?? false });
    }
    if (digits !== undefined) {
      if (!digits.isRight) throw new CourierError('request-invalid', { detail: `source.base64 ${digits.fault}.` });
      return base64Of(bytes, range, digits.size);
    }
    return text === undefined ? jsonOf(bytes, range) : textOf(bytes, range, text.size);
  };

  return {
    scanner,
    finish(bytes) {
      const fields = parseInput(exportDocument, parseExactJson(outline.text()));
      return { fields, inline: inlineOf(fields, bytes) };
    },
  };
};

/** Reads a document that is in memory. @throws CourierError `request-invalid`, `name-invalid`, `path-invalid`, `too-large` */
export const readExportDocument = async (bytes: Bytes): Promise<ReadDocument> => {
  const { scanner, finish } = createDocumentReader();
  await scanAll(bytes, scanner);
  return finish(bytes);
};

/**
 * What a document asks for: its options and its bytes, of which none has been read yet.
 * @param request who asks, and what its way of coming allows; the destination is the document's
 * @throws CourierError `request-invalid`, `name-invalid`, `destination-forbidden`, `source-not-found`, `source-forbidden`, `google-unavailable`
 */
export const openExport = async (
  { fields, inline }: ReadDocument,
  services: Pick<HttpDependencies, 'openObject'>,
  request: Omit<SourceRequest, 'destination'>,
): Promise<OpenedExport> => {
  const { source: given, name, ...rest } = fields;
  if (inline !== undefined && name !== undefined) {
    return asExport({ ...rest, name }, { ...inline, mimeType: specificType(inline.mimeType, name) });
  }
  const asking = { ...request, destination: rest.destination };
  const { name: found, suffix, ...object } = await openObjectSource(services, parseObjectName(given.gcs ?? ''), asking);
  return asExport(name === undefined ? { ...rest, name: nameOfObject(found), suffix } : { ...rest, name }, object);
};
