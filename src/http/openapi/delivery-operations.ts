import type { Receipt } from '../../domain.ts';
import { NDJSON } from '../problem.ts';
import { deliveryOptions, UNPACK_FORMATS } from '../request/options.ts';
import { DELIVERY_STATUSES, errors } from './error-responses.ts';
import {
  DIGEST,
  header,
  json,
  KEY,
  KEY_FROM,
  parametersOf,
  RATE_LIMIT,
  reference,
  type Schema,
  schemaOf,
  TRACING,
} from './schemas.ts';

const example: Receipt = {
  id: '1AbCdEfGhIjKlMnOpQrStUvWxYz012345',
  name: 'sales.csv',
  mimeType: 'text/csv',
  size: 27,
  sha256: '916a21ee46b4b9351dc60ec140f4facb9ced2bec0c47288062308e99c6349759',
  md5: 'e0452b96decdc07f2e2d32cc7d15bc7f',
  destination: 'reports',
  path: '2026/11',
  folderId: '0AbCdEf',
  webViewLink: 'https://drive.google.com/file/d/1AbCdEfGhIjKlMnOpQrStUvWxYz012345/view',
  outcome: 'created',
  createdTime: '2026-11-24T12:00:00.000Z',
  modifiedTime: '2026-11-24T12:00:00.000Z',
  caller: 'exporter@my-proj.iam.gserviceaccount.com',
  idempotencyKey: 'sales-2026-11-24',
};

export const receipts = {
  '201': { description: 'Created.', headers: RATE_LIMIT, content: json(reference('Receipt'), { example }) },
  '200': {
    description: 'Replaced, skipped or replayed.',
    headers: RATE_LIMIT,
    content: json(reference('Receipt'), { example: { ...example, outcome: 'replayed' } }),
  },
};

/** The responses of routes that deliver one file, or many with a line for each. */
const manyReceipts = {
  ...receipts,
  '200': {
    description: 'Replaced, skipped or replayed; or many files, with a receipt or a problem a line and a summary last.',
    content: { ...receipts['200'].content, [NDJSON]: { schema: reference('Line') } },
  },
};

const UNPACK: Schema = {
  name: 'unpack',
  in: 'query',
  required: false,
  description:
    'The body is an archive, and its entries are delivered as files below "path". The response has a line for each. Cannot be combined with "name".',
  schema: { type: 'string', enum: [...UNPACK_FORMATS] },
};

const PRESERVE_TIMES: Schema = {
  name: 'preserveTimes',
  in: 'query',
  required: false,
  description: 'With "unpack": the files get the times that the archive has for them, unless the request has others.',
  schema: { type: 'boolean', default: false },
};

/** OpenAPI 3.1 needs no format for binary data, but code generators recognize it by this format. */
const BINARY: Schema = { type: 'string', format: 'binary' };

/** A form in which the options are fields, with exactly one file after them. */
const formOf = (): Schema => {
  const { properties = {} } = schemaOf(deliveryOptions) as { properties?: Schema };
  return {
    type: 'object',
    description: 'The options, followed by exactly one file. Without the option "name", the name of that file is used.',
    required: ['file'],
    properties: { ...properties, file: { ...BINARY, contentMediaType: 'application/octet-stream' } },
  };
};

export const deliverFile = (operationId: string): Schema => ({
  operationId,
  tags: ['Deliveries'],
  summary: 'Deliver a file',
  description:
    'The body is the file, with any media type except that of a form, and the options are in the query. Alternatively the body is a form (multipart/form-data) with the options as fields, followed by exactly one file.',
  parameters: [
    ...parametersOf(deliveryOptions).map((parameter) =>
      // It may also come from the form or from Content-Disposition.
      parameter.name === 'name' ? { ...parameter, required: false } : parameter,
    ),
    UNPACK,
    PRESERVE_TIMES,
    KEY_FROM,
    KEY,
    DIGEST,
    header('Content-Disposition'),
    ...TRACING,
  ],
  requestBody: {
    required: true,
    content: {
      // The first one is what generated clients send.
      'application/octet-stream': { schema: BINARY },
      'multipart/form-data': { schema: formOf() },
      '*/*': { schema: BINARY },
    },
  },
  responses: { ...manyReceipts, ...errors(DELIVERY_STATUSES) },
});

export const deliverExport: Schema = {
  operationId: 'deliverExport',
  tags: ['Deliveries'],
  summary: 'Deliver an export document',
  description:
    'Creates a file from text, bytes, JSON, rows (as CSV) or an object in Cloud Storage, or many files from the objects below a prefix. Numbers and the order of keys are kept as written.',
  parameters: [KEY_FROM, KEY, DIGEST, ...TRACING],
  requestBody: {
    required: true,
    content: json(reference('ExportDocument'), {
      examples: {
        rows: {
          value: { name: 'sales.csv', path: '2026/11', source: { rows: [{ region: 'North', amount: 12.5 }] } },
        },
        object: {
          value: { onConflict: 'replace', source: { gcs: 'gs://my-bucket/sales.parquet#1767225600000001' } },
        },
      },
    }),
  },
  responses: { ...manyReceipts, ...errors(DELIVERY_STATUSES) },
};
