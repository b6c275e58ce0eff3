import { exportDocument } from '../../exports/export-document.ts';
import { completeRequest, uploadRequest } from '../routes/uploads.ts';
import { ANSWERS } from './components.ts';
import { errorResponses } from './error-responses.ts';
import { paths } from './paths.ts';
import { schemaOf } from './schemas.ts';

type Schema = Readonly<Record<string, unknown>>;

const parameter = (name: string, description: string, schema: Schema = { type: 'string' }): Schema => ({
  name,
  in: 'header',
  required: false,
  description,
  schema,
});

const parameters = {
  'Idempotency-Key': parameter(
    'Idempotency-Key',
    'The same key from the same caller gives the same file, however often.',
    {
      type: 'string',
      pattern: '^[\\x21-\\x7e]{1,255}$',
    },
  ),
  'Content-Digest': parameter('Content-Digest', 'RFC 9530, of the body: sha-256=:BASE64:'),
  'Content-Disposition': parameter('Content-Disposition', 'Its filename is the name where the query has none.'),
  traceparent: parameter('traceparent', 'W3C Trace Context.'),
  'X-Cloud-Trace-Context': parameter('X-Cloud-Trace-Context', 'Google’s older form of the same.'),
};

/** The OpenAPI 3.1 document, generated from the validation schemas and the error table. */
export const openApiDocument = (version: string): object => ({
  openapi: '3.1.0',
  info: {
    title: 'drive-courier',
    version,
    summary:
      'Stores a file from any authenticated caller in Google Drive: exactly once, checksum-verified, and with a receipt.',
    description:
      'The request body is the file, and the response is a receipt. Every error is a problem document (RFC 9457) with a stable code and a remedy. HEAD is supported wherever GET is, and OPTIONS everywhere. Any other method returns 405 with an Allow header.',
    contact: { name: 'The operator of this service' },
    license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
  },
  servers: [{ url: '/', description: 'The service that serves this document.' }],
  security: [{ idToken: [] }],
  tags: [
    { name: 'Deliveries', description: 'A file in one request.' },
    { name: 'Upload sessions', description: 'Large files, sent to Drive directly.' },
    { name: 'Pub/Sub', description: 'Push messages from Pub/Sub.' },
    { name: 'Set-up', description: 'Which destinations a caller may write to, and whether they work.' },
    { name: 'Service', description: 'The service itself.' },
  ],
  paths,
  components: {
    securitySchemes: {
      idToken: {
        type: 'http',
        scheme: 'bearer',
        bearerFormat: 'JWT',
        description: 'A Google ID token whose audience is this service’s URL, as the operator configured it.',
      },
    },
    parameters,
    responses: errorResponses(),
    schemas: {
      ...ANSWERS,
      ExportDocument: schemaOf(exportDocument),
      // The route mentions convertTo only in an error, so the document leaves it out.
      UploadRequest: schemaOf(uploadRequest.omit({ convertTo: true })),
      CompleteRequest: schemaOf(completeRequest),
    },
  },
});
