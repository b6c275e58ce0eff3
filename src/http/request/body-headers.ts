import { CourierError } from '../../errors.ts';
import { type ContentType, parseContentType, storedTypeOf, UNKNOWN_TYPE } from '../../text/media-type.ts';
import { DIGEST_FIELDS } from './body-digests.ts';

const unsupported = (detail: string, remedy?: string): CourierError =>
  new CourierError('media-type-unsupported', { detail, remedy });

const quoted = (text: string): string => JSON.stringify(text.length > 60 ? `${text.slice(0, 60)}…` : text);

/**
 * Reads the content type of a request or a part. Without the header it is `application/octet-stream` (RFC 9110, 8.3).
 * @throws CourierError `media-type-unsupported`
 */
export const readContentType = (header: string | null | undefined): ContentType => {
  if (header === null || header === undefined) return { mediaType: UNKNOWN_TYPE, parameters: new Map() };
  const parsed = parseContentType(header);
  if (parsed === undefined) throw unsupported(`Content-Type ${quoted(header)} is not a media type like "text/csv".`);
  return parsed;
};

/** The media type to store for a body or a part. @throws CourierError `media-type-unsupported` */
export const fileType = (contentType: ContentType): string => {
  const stored = storedTypeOf(contentType);
  if ('type' in stored) return stored.type;
  const isWrapping = contentType.mediaType.startsWith('multipart/');
  throw unsupported(
    `Content-Type "${contentType.mediaType}" ${stored.fault}.`,
    isWrapping
      ? 'Send the file itself as the body, in its own Content-Type and with ?name=, or a form of multipart/form-data with one file.'
      : undefined,
  );
};

type GetField = (name: string) => string | null | undefined;

const invalid = (detail: string, remedy?: string): CourierError =>
  new CourierError('request-invalid', { detail, remedy });

const short = (text: string): string => text.slice(0, 40);

/** Rejects partial content, because the part would be stored as if it were the whole file. */
const rejectRanges = (get: GetField): void => {
  const isPiece =
    get('content-range') !== null && get('content-range') !== undefined
      ? 'Content-Range'
      : // https://datatracker.ietf.org/doc/draft-ietf-httpbis-resumable-upload/
        (get('upload-offset') ?? '0').trim() !== '0'
        ? 'Upload-Offset'
        : get('upload-complete')?.trim() === '?0' || get('upload-incomplete')?.trim() === '?1'
          ? 'Upload-Complete'
          : undefined;
  if (isPiece === undefined) return;
  throw new CourierError('range-unsupported', {
    detail: `${isPiece} marks the body as a part of a file, but it would be stored as the whole file.`,
  });
};

/** Headers of other resumable upload protocols, which send the file in later requests. */
const OTHER_PROTOCOLS = [
  'tus-resumable',
  'x-upload-content-length',
  'x-upload-content-type',
  'x-goog-upload-command',
  'x-goog-upload-protocol',
];

const rejectOtherProtocols = (get: GetField): void => {
  for (const name of OTHER_PROTOCOLS) {
    if (get(name) === null || get(name) === undefined) continue;
    throw invalid(
      `The header ${name} belongs to a protocol of resumable uploads that this route does not support.`,
      'Open an upload session with POST /v1/uploads, or send the whole file as the body.',
    );
  }
};

/**
 * Rejects conditional requests: if the condition were ignored, a file could be overwritten. The option `onConflict`
 * replaces them.
 */
const rejectConditions = (get: GetField): void => {
  for (const name of ['If-Match', 'If-None-Match', 'If-Unmodified-Since']) {
    if (get(name.toLowerCase()) === null || get(name.toLowerCase()) === undefined) continue;
    throw invalid(
      `${name} is not supported here.`,
      'Leave it out. Use onConflict=fail, skip or replace to choose what happens to a file of the same name.',
    );
  }
  for (const name of ['x-http-method-override', 'x-http-method', 'x-method-override']) {
    const method = get(name)?.trim().toUpperCase();
    if (method !== undefined && method !== 'POST') throw invalid(`${name} is not followed; the method is POST.`);
  }
};

const namesDigest = (trailer: string): string | undefined =>
  trailer
    .toLowerCase()
    .split(',')
    .map((name) => name.trim())
    .find((name) => (DIGEST_FIELDS as readonly string[]).includes(name));

/** Rejects a digest in a trailer, because trailers are not checked. */
const rejectDigestTrailer = (name: string | undefined): void => {
  if (name === undefined) return;
  throw invalid(
    `The digest "${name}" is in a trailer after the body, where it is not checked.`,
    'Send it as a header, or send the file with an Idempotency-Key and compare the sha256 of the receipt.',
  );
};

/**
 * Rejects a CloudEvent in binary mode, for example from Eventarc: its body is neither a file nor a document.
 * @throws CourierError `request-invalid`
 */
export const rejectEvents = (headers: Headers): void => {
  const type = headers.get('ce-type');
  if (type === null || headers.get('ce-specversion') === null) return;
  throw invalid(
    `This is a CloudEvent of the type "${short(type)}", which this route does not accept.`,
    'Let Eventarc call the function courierEvent, or send Pub/Sub pushes to POST /v1/pubsub.',
  );
};

/**
 * Rejects an encoded body. If it were decoded, the hash in the receipt would not match the bytes that were sent; if it
 * were stored encoded, the file would not be the caller's.
 */
const rejectEncoding = (get: GetField): void => {
  const encoding = get('content-encoding')?.trim().toLowerCase() ?? 'identity';
  if (encoding === 'identity') return;
  throw new CourierError('media-type-unsupported', {
    detail: `Content-Encoding "${short(encoding)}" is not supported: the body is stored as it is sent.`,
    remedy: 'Send the body as it is, without Content-Encoding; a .gz file is sent as application/gzip.',
  });
};

/**
 * Rejects headers with which the body is not exactly the bytes of one whole file.
 * @throws CourierError `request-invalid`, `media-type-unsupported`, `range-unsupported`
 */
export const rejectCodings = (headers: Headers): void => {
  const get: GetField = (name) => headers.get(name);
  // Node decodes only the chunked transfer coding, and leaves other codings in the body (RFC 9112, 6.1).
  const transfer = headers.get('transfer-encoding')?.trim().toLowerCase() ?? 'chunked';
  if (transfer !== 'chunked') {
    throw invalid(
      `Transfer-Encoding "${short(transfer)}" is not supported.`,
      'Send the body as it is, with Content-Length or "Transfer-Encoding: chunked".',
    );
  }
  rejectEncoding(get);
  rejectRanges(get);
  rejectOtherProtocols(get);
  rejectConditions(get);
  rejectDigestTrailer(namesDigest(headers.get('trailer') ?? ''));
};

/**
 * Rejects a digest in the trailers. They can come without an announcement, so they are checked at the end of the body.
 * @throws CourierError `request-invalid`
 */
export const rejectTrailers = ({ trailers }: { trailers: Readonly<Record<string, unknown>> }): void =>
  rejectDigestTrailer(namesDigest(Object.keys(trailers).join()));

/**
 * Rejects the same for a part of a form (RFC 7578, 4.7 and 4.8).
 * @throws CourierError `request-invalid`, `media-type-unsupported`, `range-unsupported`
 */
export const rejectPartCodings = (headers: ReadonlyMap<string, string>): void => {
  const get: GetField = (name) => headers.get(name);
  const encoding = headers.get('content-transfer-encoding')?.toLowerCase() ?? 'binary';
  if (!['7bit', '8bit', 'binary'].includes(encoding)) {
    throw invalid(
      `A part of the form has the Content-Transfer-Encoding "${short(encoding)}", which forms no longer have (RFC 7578, 4.7).`,
      'Send the part’s bytes as they are, without Content-Transfer-Encoding.',
    );
  }
  if (headers.has('transfer-encoding'))
    throw invalid('A part of the form has a Transfer-Encoding, which only a request has.');
  rejectEncoding(get);
  rejectRanges(get);
};

export const IDEMPOTENCY_KEY = /^[\x21-\x7e]{1,255}$/;

/** Reads the idempotency key, which has 1 to 255 visible ASCII characters. @throws CourierError `request-invalid` */
export const readIdempotencyKey = (headers: Headers): string | undefined => {
  const key = headers.get('idempotency-key') ?? undefined;
  if (key !== undefined && !IDEMPOTENCY_KEY.test(key)) {
    throw new CourierError('request-invalid', {
      detail: 'Idempotency-Key must be one header of 1 to 255 visible ASCII characters.',
    });
  }
  return key;
};

/** The values of `?keyFrom=`: the services whose request headers can provide an idempotency key. */
export const KEY_SOURCES = ['cloud-scheduler', 'cloud-tasks'] as const;
type KeySource = (typeof KEY_SOURCES)[number];

const MAX_KEY = 255;

/**
 * For each service, the header that is the same for every retry of one job or task, and the header with its job or
 * queue.
 */
const HEADERS = {
  // https://cloud.google.com/scheduler/docs/reference/rest/v1/projects.locations.jobs#HttpTarget: the scheduled time of
  // the job, which is the same for all retries. Two jobs of one account may have the same scheduled time.
  'cloud-scheduler': {
    service: 'Cloud Scheduler',
    scope: 'X-CloudScheduler-JobName',
    occasion: 'X-CloudScheduler-ScheduleTime',
  },
  // https://cloud.google.com/tasks/docs/creating-http-target-tasks#handler: the name of the task, which is unique in
  // its queue.
  'cloud-tasks': { service: 'Cloud Tasks', scope: 'X-CloudTasks-QueueName', occasion: 'X-CloudTasks-TaskName' },
} as const;

const isKeySource = (text: string): text is KeySource => (KEY_SOURCES as readonly string[]).includes(text);

const keyFrom = (source: KeySource, headers: Headers): string =>
  `${source}/${headers.get(HEADERS[source].scope)?.trim() ?? ''}/${headers.get(HEADERS[source].occasion)?.trim() ?? ''}`;

/** The key of one occasion of a Cloud Scheduler job, whose body is the same each time; undefined for other requests. */
export const keyOfSchedule = (headers: Headers): string | undefined => {
  if (!headers.has(HEADERS['cloud-scheduler'].occasion)) return undefined;
  const key = keyFrom('cloud-scheduler', headers);
  return IDEMPOTENCY_KEY.test(key) ? key : undefined;
};

/** Builds the idempotency key from the headers of a service. @throws CourierError `request-invalid` */
const platformKey = (source: string, headers: Headers): string => {
  if (!isKeySource(source)) throw invalid(`keyFrom must be one of ${KEY_SOURCES.join(', ')}.`);
  const { service, scope, occasion } = HEADERS[source];
  const value = headers.get(occasion)?.trim() ?? '';
  if (value === '') {
    throw invalid(
      `keyFrom=${source} needs the header ${occasion}, which ${service} sends.`,
      'Send an Idempotency-Key instead of keyFrom.',
    );
  }
  const key = keyFrom(source, headers);
  if (!/^[\x21-\x7e]+$/.test(key) || key.length > MAX_KEY) {
    throw invalid(`${scope} and ${occasion} do not give a key of at most ${MAX_KEY} visible ASCII characters.`);
  }
  return key;
};

/**
 * Returns the idempotency key of a request: its header, or the key that `?keyFrom=` selects.
 * @param own the header `Idempotency-Key`
 * @returns the key, and the query without `keyFrom`
 * @throws CourierError `request-invalid`
 */
export const keyOfRequest = (
  own: string | undefined,
  query: readonly [string, string][],
  headers: Headers,
): { idempotencyKey: string | undefined; query: [string, string][] } => {
  const rest = query.filter(([name]) => name !== 'keyFrom');
  const [source, ...more] = query.filter(([name]) => name === 'keyFrom').map(([, value]) => value);
  if (more.length > 0) throw invalid('"keyFrom" is given twice.');
  if (source === undefined) return { idempotencyKey: own, query: rest };
  const made = platformKey(source, headers);
  if (own !== undefined && own !== made) {
    throw invalid('The request has both an Idempotency-Key and keyFrom.', 'Send one of the two.');
  }
  return { idempotencyKey: made, query: rest };
};
