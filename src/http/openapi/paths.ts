import { doctorQuery } from '../routes/doctor.ts';
import { deliverExport, deliverFile, receipts } from './delivery-operations.ts';
import { errors, AUTHENTICATED_STATUSES } from './error-responses.ts';
import { json, KEY, parametersOf, RATE_LIMIT, reference, type Schema, TRACING } from './schemas.ts';

/** Every route, in the order of README's table. */
export const paths: Readonly<Record<string, Schema>> = {
  '/v1/files': { post: deliverFile('deliverFile') },
  '/': { post: deliverFile('deliverFileAtRoot') },
  '/v1/exports': { post: deliverExport },
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
        ...errors([...AUTHENTICATED_STATUSES, 409, 413, 415, 422]),
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
      responses: { ...receipts, ...errors([...AUTHENTICATED_STATUSES, 404, 409, 413, 415, 422]) },
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
        ...errors(AUTHENTICATED_STATUSES),
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
        ...errors(AUTHENTICATED_STATUSES),
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
