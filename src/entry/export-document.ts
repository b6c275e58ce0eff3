import { z } from 'zod';
import type { DeliveryOptions, Source } from '../delivery.ts';
import { CourierError } from '../errors.ts';
import { fileName } from '../file-name.ts';
import { parseObjectName } from '../source/cloud-storage.ts';
import { isRawNumber, parseExactJson } from '../source/exact-json.ts';
import { base64Source, textSource } from '../source/inline.ts';
import { jsonSource } from '../source/pretty-json.ts';
import { type Row, rowsSource } from '../source/rows.ts';
import type { SourceRequest } from '../source-access.ts';
import { IDEMPOTENCY_KEY } from './delivery-headers.ts';
import { nameOfObject } from './object-place.ts';
import { openObjectSource } from './object-source.ts';
import { mimeTypeOption, optionShape, parseInput } from './options.ts';
import type { Services } from './services.ts';

/** What a document may take its bytes from; `rawCells` goes with `rows`. */
const WAYS = ['text', 'base64', 'json', 'rows', 'gcs'] as const;

const isRow = (value: unknown): value is Row =>
  typeof value === 'object' && value !== null && !Array.isArray(value) && !isRawNumber(value);

const source = z
  .strictObject({
    text: z.exactOptional(z.string()).meta({ description: 'Saved as UTF-8, text/plain.' }),
    base64: z.exactOptional(z.string()).meta({
      description: 'The bytes in base64 (RFC 4648, 4), application/octet-stream.',
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
  source: mimeType === undefined ? source : { ...source, mimeType },
  ...(idempotencyKey === undefined ? {} : { idempotencyKey }),
});

/** Reads a document's bytes. @throws CourierError `request-invalid`, `name-invalid`, `path-invalid` */
export const readExportDocument = (bytes: Uint8Array): ExportDocument => {
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (cause) {
    throw new CourierError('request-invalid', { detail: 'The document is not UTF-8.', cause });
  }
  return parseInput(exportDocument, parseExactJson(text));
};

const openSource = async (
  given: ExportDocument['source'],
  services: Pick<Services, 'openObject'>,
  request: SourceRequest,
): Promise<Source & { name?: string; suffix?: string }> => {
  if (given.text !== undefined) return textSource(given.text);
  if (given.base64 !== undefined) return base64Source(given.base64);
  if (given.rows !== undefined) return rowsSource(given.rows, { rawCells: given.rawCells ?? false });
  if (given.gcs !== undefined) return openObjectSource(services, parseObjectName(given.gcs), request);
  return jsonSource(given.json);
};

/**
 * What a document asks for: its options and its bytes, of which none has been read yet.
 * @param request who asks, and what its way of coming allows; the destination is the document's
 * @throws CourierError `request-invalid`, `name-invalid`, `destination-forbidden`, `source-not-found`, `source-forbidden`, `google-unavailable`
 */
export const openExport = async (
  document: ExportDocument,
  services: Pick<Services, 'openObject'>,
  request: Omit<SourceRequest, 'destination'>,
): Promise<OpenedExport> => {
  const { source: given, name: asked, ...rest } = document;
  const {
    name: found = '',
    suffix,
    ...opened
  } = await openSource(given, services, {
    ...request,
    destination: rest.destination,
  });
  if (asked !== undefined) return asExport({ ...rest, name: asked }, opened);
  const ending = suffix === undefined ? {} : { suffix };
  return asExport({ ...rest, name: nameOfObject(found), ...ending }, opened);
};
