import type { Receipt } from '../../domain.ts';
import { ERRORS } from '../../errors.ts';
import { NDJSON } from '../problem.ts';
import { HEADERS_TOO_LARGE } from '../request/incoming-request.ts';
import { deliveryOptions, UNPACK_FORMATS } from '../request/options.ts';
import { doctorQuery } from '../routes/doctor.ts';
import { errorResponseName } from './components.ts';
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

const ALL_STATUSES = [...new Set(Object.values(ERRORS).map(({ status }) => status))];
/** The possible responses to a delivery. */
const DELIVERED = ALL_STATUSES.filter((status) => status !== 404);
/** The possible responses to any request that is rejected early. */
const UNREAD = [400, 405, HEADERS_TOO_LARGE, 500];
/** The possible responses of every route with authentication. */
const GUARDED = [...UNREAD, 401, 403, 429, 502, 503];

const errors = (statuses: readonly number[]): Record<string, Schema> =>
  Object.fromEntries(
    [...new Set([...statuses, ...UNREAD])].map((status) => [
      String(status),
      { $ref: `#/components/responses/${errorResponseName(status)}` },
    ]),
  );

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

const receipts = {
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
    'The body is an archive, and its entries are delivered as files below "path". The response has a line for each. Not with "name".',
  schema: { type: 'string', enum: [...UNPACK_FORMATS] },
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

const files = (operationId: string): Schema => ({
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
  responses: { ...manyReceipts, ...errors(DELIVERED) },
});

/** Every route, in the order of README's table. */
export const paths: Readonly<Record<string, Schema>> = {
  '/v1/files': { post: files('deliverFile') },
  '/': { post: files('deliverFileAtRoot') },
  '/v1/exports': {
    post: {
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
      responses: { ...manyReceipts, ...errors(DELIVERED) },
    },
  },
  '/v1/pubsub': {
    post: {
      operationId: 'receivePush',
      tags: ['Pub/Sub'],
      summary: 'Receive a wrapped Pub/Sub push',
      description: 'Requires an ID token of the service account that is configured for the subscription.',
      parameters: TRACING,
      requestBody: { required: true, content: json(reference('Push')) },
      responses: {
        '204': {
          description:
            'Delivered, ignored, or rejected permanently. A message that can never be delivered is first published to the dead-letter topic, if one is configured.',
        },
        ...errors([400, 401, 403, 413, 415]),
        '503': {
          description:
            'Pub/Sub must deliver the message again. The status is 503 whatever the status of the error itself, because Pub/Sub redelivers every message that is not acknowledged with success.',
          headers: { 'Retry-After': { schema: { type: 'integer' }, description: 'Seconds.' } },
          content: { 'application/problem+json': { schema: reference('Problem') } },
        },
      },
    },
  },
  '/v1/uploads': {
    post: {
      operationId: 'openUpload',
      tags: ['Upload sessions'],
      summary: 'Open an upload session',
      description:
        'For files over the platform’s request limit: the caller sends the bytes to Drive directly, in chunks, and can resume an interrupted upload. Conversions are not supported.',
      parameters: [KEY, ...TRACING],
      requestBody: {
        required: true,
        content: json(reference('UploadRequest'), {
          example: { name: 'backup.tar', mimeType: 'application/x-tar', size: 83_886_080 },
        }),
      },
      responses: {
        '201': { description: 'The session.', headers: RATE_LIMIT, content: json(reference('UploadSession')) },
        ...errors([...GUARDED, 409, 413, 415, 422]),
      },
    },
  },
  '/v1/uploads/{id}/complete': {
    post: {
      operationId: 'completeUpload',
      tags: ['Upload sessions'],
      summary: 'Complete an upload session',
      description: 'Checks the file that Drive received, and returns the receipt. Can be repeated.',
      parameters: [
        {
          name: 'id',
          in: 'path',
          required: true,
          description: 'The id in the response that opened the session.',
          schema: { type: 'string' },
        },
        ...TRACING,
      ],
      requestBody: { required: false, content: json(reference('CompleteRequest')) },
      responses: { ...receipts, ...errors([...GUARDED, 404, 409, 413, 415, 422]) },
    },
  },
  '/v1/destinations': {
    get: {
      operationId: 'listDestinations',
      tags: ['Set-up'],
      summary: 'List the destinations that this caller may write to',
      description: 'Returns their defaults and limits, but no folder ids.',
      parameters: TRACING,
      responses: {
        '200': {
          description: 'Their names, defaults and limits.',
          content: json({
            type: 'object',
            required: ['destinations'],
            properties: { destinations: { type: 'array', items: reference('Destination') } },
          }),
        },
        ...errors(GUARDED),
      },
    },
  },
  '/v1/doctor': {
    get: {
      operationId: 'checkSetUp',
      tags: ['Set-up'],
      summary: 'Check every destination’s set-up against Google',
      description:
        'For operators only. With write=true, the doctor creates a probe file in each destination and deletes it.',
      parameters: [...parametersOf(doctorQuery, { write: { type: 'boolean', default: false } }), ...TRACING],
      responses: {
        '200': { description: 'The findings.', content: json(reference('DoctorReport')) },
        ...errors(GUARDED),
      },
    },
  },
  '/v1/health': {
    get: {
      operationId: 'health',
      tags: ['Service'],
      summary: 'Check that the service is alive',
      description: 'Also returns its version. Calls no other service, and requires no token.',
      security: [],
      responses: {
        '200': {
          description: 'The service is alive.',
          content: json({
            type: 'object',
            required: ['ok', 'version', 'commit', 'ledger'],
            properties: {
              ok: { const: true },
              version: { type: 'string' },
              commit: { type: ['string', 'null'], description: 'The commit that it was built from, if known.' },
              ledger: { enum: ['memory', 'firestore'] },
              once: {
                const: 'instance',
                description: 'Present if the ledger is in memory: each instance remembers only its own keys.',
              },
            },
          }),
        },
        ...errors([]),
      },
    },
  },
  '/v1/ready': {
    get: {
      operationId: 'ready',
      tags: ['Service'],
      summary: 'Check whether deliveries would work',
      description: 'Checks credentials, ledger and folders, at most once a minute. Requires no token.',
      security: [],
      responses: {
        '200': { description: 'Deliveries would work.', content: json(reference('Readiness')) },
        '503': {
          description:
            'Deliveries would fail. The findings give the reasons in general terms; operators get the details from "courier doctor".',
          headers: { 'Retry-After': { schema: { type: 'integer' }, description: 'Seconds.' } },
          content: json(reference('Readiness')),
        },
        ...errors([]),
      },
    },
  },
  '/openapi.json': {
    get: {
      operationId: 'openapi',
      tags: ['Service'],
      summary: 'Get this document',
      description: 'Requires no token.',
      security: [],
      responses: {
        '200': { description: 'OpenAPI 3.1.', content: json({ type: 'object' }) },
        ...errors([429]),
      },
    },
  },
};
