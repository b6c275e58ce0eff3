import { z } from 'zod';
import type { DeliveryOptions, Source } from '../domain.ts';
import { CourierError } from '../errors.ts';
import type { HttpDependencies } from '../http/dependencies.ts';
import { IDEMPOTENCY_KEY } from '../http/request/body-headers.ts';
import { mimeTypeOption, optionShape, parseInput, textOptionShape } from '../http/request/options.ts';
import { fileName, folderPath } from '../text/file-name.ts';
import { specificType } from '../text/media-type.ts';
import { Base64Check, base64Of } from './bytes/base64.ts';
import { type Bytes, scanAll } from './bytes/spool.ts';
import { jsonOf, TextFollower, textOf } from './bytes/transcode.ts';
import { isRawNumber, parseExactJson } from './json/exact-json.ts';
import { type Follower, IGNORE_EVENTS, JsonOutline, type ValueType } from './json/outline.ts';
import { JsonScanner } from './json/scanner.ts';
import { nameOfObject } from './object-place.ts';
import { type QuerySource, querySource } from './query-source.ts';
import { openObjectSource, type SourceRequest } from './source-access.ts';
import { parseObjectName } from './sources/object-name.ts';
import { RowsFollower, rowsOf } from './sources/rows.ts';

/** The members of `source` that provide the bytes. `rawCells` is an option of `rows`. */
const BYTE_SOURCES = ['text', 'base64', 'json', 'rows', 'gcs', 'gcsPrefix', 'bigquery'] as const;

const JOINS = ['csv', 'bytes'] as const;

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
      .meta({ description: 'Saved as CSV. The header has the keys in the order of their first appearance.' }),
    rawCells: z.exactOptional(z.boolean()).meta({
      description: 'Only with rows: text cells that a spreadsheet would run as a formula are not changed.',
    }),
    gcs: z.exactOptional(z.string()).meta({
      description:
        'gs://bucket/object or gs://bucket/object#generation. The operator must allow the object under "sources".',
    }),
    gcsPrefix: z.exactOptional(z.string()).meta({
      description:
        'gs://bucket/prefix: every object whose name begins with the prefix, each as a file of its own. The prefix must be below one of the "sources".',
    }),
    match: z.exactOptional(z.string()).meta({
      description:
        'With gcsPrefix: a glob ("*.csv", "2026/**") for the names below the prefix. Without "/", it is matched with the last part of each name.',
    }),
    join: z.exactOptional(z.enum(JOINS)).meta({
      description: 'With gcsPrefix: one file of all objects, in the order of their names. csv: with one header.',
    }),
    bigquery: z.exactOptional(querySource).meta({
      description: 'The result of a BigQuery query that the operator has configured.',
    }),
  })
  .superRefine((given, context) => {
    const used = BYTE_SOURCES.filter((name) => Object.hasOwn(given, name));
    if (used.length !== 1) {
      const message = `needs exactly one of ${BYTE_SOURCES.join(', ')}${used.length === 0 ? '' : `, and has ${used.join(', ')}`}`;
      context.addIssue({ code: 'custom', message });
    }
    if (given.rawCells !== undefined && given.rows === undefined) {
      context.addIssue({ code: 'custom', path: ['rawCells'], message: 'can only be used with rows' });
    }
    for (const option of ['match', 'join'] as const) {
      if (given[option] !== undefined && given.gcsPrefix === undefined) {
        context.addIssue({ code: 'custom', path: [option], message: 'can only be used with gcsPrefix' });
      }
    }
  })
  .meta({ oneOf: BYTE_SOURCES.map((name) => ({ type: 'object', properties: { [name]: {} }, required: [name] })) });

const furtherFields = {
  mimeType: z.exactOptional(mimeTypeOption),
  idempotencyKey: z.exactOptional(z.string().regex(IDEMPOTENCY_KEY, 'must be 1 to 255 visible ASCII characters')),
};

/** The metadata of a file, as the attributes of a Pub/Sub message. */
export const attributeShape = { ...textOptionShape, ...furtherFields };

/** The export document: the same JSON in `POST /v1/exports` and in a Pub/Sub message. */
export const exportDocument = z
  .strictObject({
    ...optionShape,
    ...furtherFields,
    name: z.exactOptional(fileName).meta({
      description:
        'Optional with gcs: the default is the last segment of the object’s name. Otherwise the default is that of the destination, if it has one.',
    }),
    source,
  })
  .superRefine(({ name, source: { gcsPrefix, join } }, context) => {
    const isMany = gcsPrefix !== undefined && join === undefined;
    if (name !== undefined && isMany) {
      const message =
        'can be used with gcsPrefix only if "join" is set, because otherwise the files have the names of the objects';
      const remedy = 'Leave out "name", or set "join" to get one file of this name.';
      context.addIssue({ code: 'custom', path: ['name'], message, params: { code: 'name-invalid', remedy } });
    }
  });

export type ExportDocument = z.output<typeof exportDocument>;

/** A document for many files. */
export type ManyDocument = Omit<ExportDocument, 'name' | 'source'> & {
  source: ExportDocument['source'] & { gcsPrefix: string };
};

/** The document as one for many files; undefined if it is for a single file. */
export const asManyDocument = ({ name: _, source: given, ...rest }: ExportDocument): ManyDocument | undefined =>
  given.gcsPrefix === undefined || given.join !== undefined
    ? undefined
    : { ...rest, source: { ...given, gcsPrefix: given.gcsPrefix } };

/** A document that is ready to deliver: the delivery options and the bytes. */
export interface OpenedExport {
  options: DeliveryOptions;
  source: Source;
  idempotencyKey?: string | undefined;
  /** The key if the request has none. */
  impliedKey?: string;
}

/** Combines bytes with their metadata. */
export const asExport = (
  {
    mimeType,
    idempotencyKey,
    ...options
  }: DeliveryOptions & { mimeType?: string; idempotencyKey?: string | undefined },
  source: Source,
): OpenedExport => ({
  options,
  source: mimeType === undefined ? source : { ...source, mimeType: specificType(mimeType, options.name) },
  idempotencyKey,
});

/** A document that has been read. */
export interface ReadDocument {
  fields: ExportDocument;
  /** The file's bytes, if they are in the document itself. */
  inline: Source | undefined;
}

/** Documents are scanned while they arrive. Only the part without the file's bytes is parsed, and it is small. */
const MAX_OUTLINE_BYTES = 65_536;

/** The values for the parameters of a query, some of which are arrays. */
const QUERY_VALUES = 'source.bigquery.parameters';

/** Collects what the scanner learns about the file in a document. */
const createFindings = () => {
  const rows: RowsFollower[] = [];
  const base64: Base64Check[] = [];
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
      if (path === 'source.json') return { ...IGNORE_EVENTS, placeholder: 'null' };
      if (path === 'source.rows' && type === 'array') return followed(rows, new RowsFollower());
      if (path === 'source.text' && type === 'text') return followed(texts, new TextFollower());
      if (path === 'source.base64' && type === 'text') return followed(base64, new Base64Check());
      return undefined;
    },
  };
};

/** Reads a document. Pass all bytes to the scanner, then call `finish`. */
export const createDocumentReader = (): { scanner: JsonScanner; finish(bytes: Bytes): ReadDocument } => {
  const { rows, base64, texts, follow } = createFindings();
  const outline = new JsonOutline({
    objects: ['source', 'properties', 'source.bigquery', QUERY_VALUES],
    arraysBelow: QUERY_VALUES,
    follow,
    maxBytes: MAX_OUTLINE_BYTES,
  });
  const scanner = new JsonScanner(outline);
  outline.attach(scanner);

  const inlineOf = ({ source: given }: ExportDocument, bytes: Bytes): Source | undefined => {
    const [range] = outline.found.filter(({ path }) => path.startsWith('source.'));
    const isElsewhere = given.gcs !== undefined || given.gcsPrefix !== undefined || given.bigquery !== undefined;
    if (range === undefined || isElsewhere) return undefined;
    const [row] = rows;
    const [digits] = base64;
    const [text] = texts;
    if (row !== undefined) {
      row.check();
      return rowsOf(bytes, range, { ...row, rawCells: given.rawCells ?? false });
    }
    if (digits !== undefined) {
      if (!digits.isValid) throw new CourierError('request-invalid', { detail: `source.base64 ${digits.fault}.` });
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

/** A query: its parameters may be part of the name and the path, which are checked again once they are filled in. */
const openQueryExport = async (
  { name, path, ...rest }: DeliveryOptions & { mimeType?: string; idempotencyKey?: string | undefined },
  asked: QuerySource,
  { openQuery }: Pick<HttpDependencies, 'openQuery'>,
  request: Omit<SourceRequest, 'destination'>,
): Promise<OpenedExport> => {
  const idempotencyKey = rest.idempotencyKey ?? request.idempotencyKey;
  const { source, fill } = await openQuery(asked, { ...request, destination: rest.destination, idempotencyKey });
  const filled = parseInput(z.object({ name: z.optional(fileName), path: z.optional(folderPath) }), {
    name: name === undefined ? undefined : fill(name, 'name'),
    path: path === undefined ? undefined : fill(path, 'path'),
  });
  return asExport({ ...rest, idempotencyKey, ...filled }, source);
};

/**
 * Opens a document: returns its options and its bytes, none of which has been read yet.
 * @param request the caller and its permissions; the destination is in the document
 * @throws CourierError `request-invalid`, `name-invalid`, `destination-forbidden`, `source-not-found`, `source-forbidden`, `google-unavailable`
 */
export const openExport = async (
  { fields, inline }: ReadDocument,
  dependencies: Pick<HttpDependencies, 'openObject' | 'openPrefix' | 'openQuery'>,
  request: Omit<SourceRequest, 'destination'>,
): Promise<OpenedExport> => {
  const { source: given, name, ...rest } = fields;
  const named = name === undefined ? rest : { ...rest, name };
  if (given.bigquery !== undefined) return openQueryExport(named, given.bigquery, dependencies, request);
  if (inline !== undefined) return asExport(named, { ...inline, mimeType: specificType(inline.mimeType, name) });
  const sourceRequest = { ...request, destination: rest.destination };
  const { gcsPrefix, match, join } = given;
  if (gcsPrefix !== undefined && join !== undefined) {
    const { openJoined } = await import('./prefix/join.ts');
    const joined = await openJoined(dependencies, { gcsPrefix, match, join, name }, sourceRequest);
    return { ...asExport(named, joined), impliedKey: joined.identity };
  }
  const {
    name: found,
    suffix,
    ...object
  } = await openObjectSource(dependencies, parseObjectName(given.gcs ?? ''), sourceRequest);
  return asExport(name === undefined ? { ...rest, name: nameOfObject(found), suffix } : { ...rest, name }, object);
};
