import type { Receipt } from '../../domain.ts';
import { ERRORS } from '../../errors.ts';
import { HEADERS_TOO_LARGE } from '../request/incoming-request.ts';
import { NDJSON } from '../problem.ts';
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
    description: 'The options, then exactly one file, whose own name is taken where "name" is left out.',
    required: ['file'],
    properties: { ...properties, file: { ...BINARY, contentMediaType: 'application/octet-stream' } },
  };
};

const files = (operationId: string): Schema => ({
  operationId,
  tags: ['Deliveries'],
  summary: 'Deliver a file',
  description:
    'The body is the file, in any media type but that of a form, with the options in the query. Or the body is a form (multipart/form-data) with the options as fields before exactly one file.',
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
      summary: 'Deliver what an export document asks for',
      description:
        'Makes a file of text, bytes, JSON, rows (as CSV), or an object in Cloud Storage; or many files of the objects below a prefix. Numbers and the order of keys are kept as they are written.',
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
      description: 'The ID token is that of the service account which is configured for the subscription.',
      parameters: TRACING,
      requestBody: { required: true, content: json(reference('Push')) },
      responses: {
        '204': {
          description: 'Done, ignored, or given up: a message that can never be delivered is a dead letter first.',
        },
        ...errors([400, 401, 403, 413, 415]),
        '503': {
          description: 'Come again: whatever the error’s own status is, Pub/Sub takes nothing but success for final.',
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
        'For files over the platform’s request limit: the bytes are sent to Drive directly, in chunks, and the upload can be resumed. A conversion is not possible this way.',
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
      description: 'Checks what arrived in Drive, and answers the receipt. May be repeated.',
      parameters: [
        {
          name: 'id',
          in: 'path',
          required: true,
          description: 'As it was answered when the session was opened.',
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
      description: 'With their defaults and limits; no folder ids.',
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
      description: 'For operators only. With write=true, a probe file is put into each destination and removed.',
      parameters: [...parametersOf(doctorQuery, { write: { type: 'boolean', default: false } }), ...TRACING],
      responses: {
        '200': { description: 'What was found.', content: json(reference('DoctorReport')) },
        ...errors(GUARDED),
      },
    },
  },
  '/v1/health': {
    get: {
      operationId: 'health',
      tags: ['Service'],
      summary: 'Check that the service is alive',
      description: 'Also tells its version; asks nobody. No token is needed.',
      security: [],
      responses: {
        '200': {
          description: 'Alive.',
          content: json({
            type: 'object',
            required: ['ok', 'version', 'commit', 'ledger'],
            properties: {
              ok: { const: true },
              version: { type: 'string' },
              commit: { type: ['string', 'null'], description: 'What it was built from, where that is known.' },
              ledger: { enum: ['memory', 'firestore'] },
              once: {
                const: 'instance',
                description: 'With ledger memory: keys are remembered by one instance alone.',
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
      description: 'Credentials, ledger and folders. Looked at once a minute at most. No token is needed.',
      security: [],
      responses: {
        '200': { description: 'They would.', content: json(reference('Readiness')) },
        '503': {
          description:
            'They would not, for what the findings say in general words; "courier doctor" tells operators the rest.',
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
      description: 'No token is needed.',
      security: [],
      responses: {
        '200': { description: 'OpenAPI 3.1.', content: json({ type: 'object' }) },
        ...errors([429]),
      },
    },
  },
};
