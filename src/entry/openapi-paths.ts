import { z } from 'zod';
import type { Receipt } from '../delivery.ts';
import { ERRORS } from '../errors.ts';
import { errorResponseName } from './openapi-components.ts';
import { deliveryOptions } from './options.ts';
import { KEY_SOURCES } from './platform-key.ts';
import { doctorQuery } from './queries.ts';

type Schema = Readonly<Record<string, unknown>>;

/** The schema that validates, as JSON Schema of what is sent. */
export const schemaOf = (schema: z.ZodType): Schema => {
  const { $schema: _, ...rest } = z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' });
  return rest;
};

const reference = (name: string): Schema => ({ $ref: `#/components/schemas/${name}` });
const json = (schema: Schema, rest: Schema = {}): Schema => ({ 'application/json': { schema, ...rest } });

const parametersOf = (schema: z.ZodType): Schema[] => {
  const { properties = {}, required = [] } = schemaOf(schema) as {
    properties?: Record<string, { description?: string }>;
    required?: string[];
  };
  return Object.entries(properties).map(([name, { description, ...rest }]) => ({
    name,
    in: 'query',
    required: required.includes(name),
    ...(description === undefined ? {} : { description }),
    schema: rest,
  }));
};

const KEY_FROM: Schema = {
  name: 'keyFrom',
  in: 'query',
  required: false,
  description:
    'Makes the idempotency key of the headers that Cloud Scheduler (job name and schedule time) or Cloud Tasks (queue and task name) sends with every attempt.',
  schema: { type: 'string', enum: [...KEY_SOURCES] },
};

const header = (name: string): Schema => ({ $ref: `#/components/parameters/${name}` });
const KEY = header('Idempotency-Key');
const DIGEST = header('Content-Digest');
const TRACING = [header('traceparent'), header('X-Cloud-Trace-Context')];

const ALL_STATUSES = [...new Set(Object.values(ERRORS).map(({ status }) => status))];
/** What anything that checks its caller may answer. */
const GUARDED = [400, 401, 403, 405, 429, 500, 503];

const errors = (statuses: readonly number[]): Record<string, Schema> =>
  Object.fromEntries(
    statuses.map((status) => [String(status), { $ref: `#/components/responses/${errorResponseName(status)}` }]),
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
  '201': { description: 'Created.', content: json(reference('Receipt'), { example }) },
  '200': {
    description: 'Replaced, skipped or replayed.',
    content: json(reference('Receipt'), { example: { ...example, outcome: 'replayed' } }),
  },
};

/** A form in which the options are fields, with exactly one file after them. */
const formOf = (): Schema => {
  const { properties = {} } = schemaOf(deliveryOptions) as { properties?: Schema };
  return {
    type: 'object',
    description: 'The options, then exactly one file, whose own name is taken where "name" is left out.',
    required: ['file'],
    properties: { ...properties, file: { type: 'string', contentMediaType: 'application/octet-stream' } },
  };
};

const files = (operationId: string): Schema => ({
  operationId,
  summary: 'Deliver a file: the body is the file, with the options in the query; or a form.',
  parameters: [
    ...parametersOf(deliveryOptions).map((parameter) =>
      // It may also come from the form or from Content-Disposition.
      parameter.name === 'name' ? { ...parameter, required: false } : parameter,
    ),
    KEY_FROM,
    KEY,
    DIGEST,
    header('Content-Disposition'),
    ...TRACING,
  ],
  requestBody: {
    required: true,
    content: { '*/*': { schema: {} }, 'multipart/form-data': { schema: formOf() } },
  },
  responses: { ...receipts, ...errors(ALL_STATUSES.filter((status) => status !== 404)) },
});

/** Every route, in the order of README's table. */
export const paths: Readonly<Record<string, Schema>> = {
  '/v1/files': { post: files('deliverFile') },
  '/': { post: files('deliverFileAtRoot') },
  '/v1/exports': {
    post: {
      operationId: 'deliverExport',
      summary: 'Deliver what an export document asks for.',
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
      responses: { ...receipts, ...errors(ALL_STATUSES.filter((status) => status !== 404)) },
    },
  },
  '/v1/pubsub': {
    post: {
      operationId: 'receivePush',
      summary: 'Receive a Pub/Sub push, wrapped, with the token of the subscription’s own service account.',
      parameters: TRACING,
      requestBody: { required: true, content: json(reference('Push')) },
      responses: {
        '204': {
          description: 'Done, ignored, or given up: a message that can never be delivered is a dead letter first.',
        },
        ...errors([400, 401, 403, 405, 413, 415, 500]),
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
      summary:
        'Open an upload session that the bytes are sent to directly: for files over the platform’s request limit.',
      parameters: [KEY, ...TRACING],
      requestBody: {
        required: true,
        content: json(reference('UploadRequest'), {
          example: { name: 'backup.tar', mimeType: 'application/x-tar', size: 83_886_080 },
        }),
      },
      responses: {
        '201': { description: 'The session.', content: json(reference('UploadSession')) },
        ...errors([...GUARDED, 409, 413, 415, 422, 502]),
      },
    },
  },
  '/v1/uploads/{id}/complete': {
    post: {
      operationId: 'completeUpload',
      summary: 'Check what arrived, and get the receipt.',
      parameters: [{ name: 'id', in: 'path', required: true, schema: { type: 'string' } }, ...TRACING],
      requestBody: { required: false, content: json(reference('CompleteRequest')) },
      responses: { ...receipts, ...errors([...GUARDED, 404, 409, 413, 415, 422, 502]) },
    },
  },
  '/v1/destinations': {
    get: {
      operationId: 'listDestinations',
      summary: 'The destinations that this caller may write to.',
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
      summary: 'Check every destination’s set-up against Google. For operators.',
      parameters: [...parametersOf(doctorQuery), ...TRACING],
      responses: {
        '200': { description: 'What was found.', content: json(reference('DoctorReport')) },
        ...errors(GUARDED),
      },
    },
  },
  '/v1/health': {
    get: {
      operationId: 'health',
      summary: 'Alive, and which version; asks nobody.',
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
        ...errors([400, 405, 500]),
      },
    },
  },
  '/v1/ready': {
    get: {
      operationId: 'ready',
      summary: 'Whether deliveries would work: credentials, ledger and folders. Looked at once a minute at most.',
      security: [],
      responses: {
        '200': { description: 'They would.', content: json(reference('Readiness')) },
        '503': {
          description:
            'They would not, for what the findings say in general words; "courier doctor" tells operators the rest.',
          headers: { 'Retry-After': { schema: { type: 'string' } } },
          content: json(reference('Readiness')),
        },
        ...errors([400, 405, 500]),
      },
    },
  },
  '/openapi.json': {
    get: {
      operationId: 'openapi',
      summary: 'This document.',
      security: [],
      responses: {
        '200': { description: 'OpenAPI 3.1.', content: json({ type: 'object' }) },
        ...errors([400, 405, 500]),
      },
    },
  },
};
