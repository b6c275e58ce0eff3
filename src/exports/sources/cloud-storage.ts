import { z } from 'zod';
import type { Source } from '../../domain.ts';
import { CourierError } from '../../errors.ts';
import type { Bearer } from '../../bearer.ts';
import type { GoogleResponse, GoogleStream, GoogleTransport } from '../../google/transport.ts';
import { readStoredType } from '../../text/media-type.ts';
import { mediaTypeByName, specificType } from '../../text/media-type-by-name.ts';
import { checked, type Checksum, checksumOf } from './object-checksum.ts';
import { labelOf, type ObjectName, objectNotFound } from './object-name.ts';
import { storedFormOf } from './content-encoding.ts';
import { encryptedWithCustomerKey, needsUserProject, storageError } from './storage-refusal.ts';

const metadataSchema = z.object({
  name: z.string(),
  generation: z.string().regex(/^\d+$/),
  size: z.string().regex(/^\d+$/).transform(Number),
  contentType: z.string().optional(),
  contentEncoding: z.string().optional(),
  /** Base64 of the big-endian CRC32C. Composite objects have it too; MD5 they have not. Absent with a customer-supplied key. */
  crc32c: z.string().optional(),
  /** Base64. */
  md5Hash: z.string().optional(),
  customerEncryption: z.looseObject({}).optional(),
});

/** An object's bytes, with its own name, and with what a file of them has to end with (`.gz`) where they are stored encoded. */
export type ObjectSource = Source & { name: string; suffix?: string };

/** The bearer is the runtime's own identity. */
export interface CloudStorageDependencies extends Bearer {
  transport: GoogleTransport;
  /** The project that pays for reading requester-pays buckets; sent only where a bucket asks for it. */
  userProject?: string | undefined;
}

interface Reading {
  signal?: AbortSignal;
  deadlineMs?: number;
}

const ORIGIN = 'https://storage.googleapis.com';
const MAX_BROKEN_READS = 5;

/** Cloud Storage answers 403 for a missing object, too, to an account that may not list the bucket. */
const refused = (
  answer: Pick<GoogleResponse, 'status' | 'body'>,
  name: ObjectName,
  userProject?: string,
): CourierError =>
  answer.status === 404 || answer.status === 412
    ? objectNotFound(name)
    : storageError(answer, { bucket: name.bucket, label: labelOf(name), userProject });

const objectUrl = ({ bucket, object, generation }: ObjectName, userProject: string | undefined): URL => {
  const url = new URL(`${ORIGIN}/storage/v1/b/${encodeURIComponent(bucket)}/o/${encodeURIComponent(object)}`);
  if (generation !== undefined) url.searchParams.set('generation', generation);
  if (userProject !== undefined) url.searchParams.set('userProject', userProject);
  return url;
};

interface Found {
  metadata: z.infer<typeof metadataSchema>;
  /** The project that the bucket wants to bill; undefined for a bucket whose owner pays. */
  userProject: string | undefined;
}

const readMetadata = async (
  { transport, userProject, ...bearer }: CloudStorageDependencies,
  name: ObjectName,
  reading: Reading,
): Promise<Found> => {
  const ask = (payer: string | undefined): Promise<GoogleResponse> => {
    const url = objectUrl(name, payer);
    url.searchParams.set(
      'fields',
      'name,generation,size,contentType,contentEncoding,crc32c,md5Hash,customerEncryption',
    );
    return transport.send({
      operation: 'storage.objects.get',
      method: 'GET',
      url: url.href,
      bearer,
      retry: 'idempotent',
      ...reading,
    });
  };
  const first = await ask(undefined);
  const isBilled = userProject !== undefined && needsUserProject(first);
  const answer = isBilled ? await ask(userProject) : first;
  if (answer.status !== 200) throw refused(answer, name, userProject);
  return { metadata: parseMetadata(answer.body), userProject: isBilled ? userProject : undefined };
};

/** @throws CourierError `google-unavailable` for an answer of another form */
const parseMetadata = (body: Buffer): z.infer<typeof metadataSchema> => {
  try {
    return metadataSchema.parse(JSON.parse(body.toString()));
  } catch (cause) {
    throw new CourierError('google-unavailable', { detail: 'Cloud Storage gave an unreadable answer.', cause });
  }
};

/** As much of a refusal as its reason takes. */
const MAX_REFUSAL_BYTES = 16_384;

const bodyOf = async ({ body }: GoogleStream): Promise<Buffer> => {
  const pieces: Buffer[] = [];
  let bytes = 0;
  try {
    for await (const piece of body as AsyncIterable<Buffer>) {
      pieces.push(piece);
      bytes += piece.byteLength;
      if (bytes >= MAX_REFUSAL_BYTES) break;
    }
  } catch {
    // The status alone has to do.
  }
  return Buffer.concat(pieces);
};

const openMedia = async (
  { transport, userProject, ...bearer }: CloudStorageDependencies,
  name: ObjectName,
  offset: number,
  reading: Reading,
): Promise<GoogleStream> => {
  const url = objectUrl(name, userProject);
  url.searchParams.set('alt', 'media');
  const answer = await transport.open({
    operation: 'storage.objects.get.media',
    method: 'GET',
    url: url.href,
    bearer,
    headers: {
      // Without this, an object stored with Content-Encoding: gzip is inflated on the way, and its size and checksum do not fit
      // (https://cloud.google.com/storage/docs/transcoding).
      'accept-encoding': 'gzip',
      ...(offset > 0 ? { range: `bytes=${offset}-` } : {}),
    },
    retry: 'idempotent',
    ...reading,
  });
  if (answer.status === (offset > 0 ? 206 : 200)) return answer;
  const body = await bodyOf(answer);
  answer.body.destroy();
  throw refused({ status: answer.status, body }, name, userProject);
};

/** The bytes from `offset` to the end; a read that breaks is taken up at its byte. */
async function* readFrom(
  dependencies: CloudStorageDependencies,
  name: ObjectName,
  { offset, size, reading }: { offset: number; size: number; reading: Reading },
): AsyncGenerator<Uint8Array> {
  let at = offset;
  for (let broken = 0; at < size; broken += 1) {
    if (broken > MAX_BROKEN_READS) {
      throw new CourierError('google-unavailable', { detail: `Reading ${labelOf(name)} broke ${broken} times.` });
    }
    const before = at;
    const { body } = await openMedia(dependencies, name, at, reading);
    try {
      for await (const chunk of body as AsyncIterable<Buffer>) {
        at += chunk.byteLength;
        yield chunk;
      }
    } catch (error) {
      if (reading.signal?.aborted) throw error;
    } finally {
      body.destroy();
    }
    if (at > before) broken = 0;
  }
}

/**
 * What is left of an object that is not there (any more): with its generation its bytes still have a name, by which an
 * earlier delivery may be found.
 */
export const goneObject = (name: ObjectName, gone: Error): Source & { name: string } => ({
  name: name.object,
  size: undefined,
  mimeType: 'application/octet-stream',
  gone,
  ...(name.generation === undefined ? {} : { identity: `${labelOf(name)}#${name.generation}` }),
  open: () => {
    throw gone;
  },
});

/** @throws CourierError `source-forbidden`, where the bytes cannot be read or could not be checked */
const mustHaveChecksum = (metadata: Found['metadata'], name: ObjectName): (() => Checksum) => {
  if (metadata.customerEncryption !== undefined) throw encryptedWithCustomerKey(labelOf(name));
  const checksum = checksumOf(metadata);
  if (checksum !== undefined) return checksum;
  throw new CourierError('source-forbidden', {
    detail: `Cloud Storage gives no checksum for ${labelOf(name)}, so its bytes cannot be verified.`,
    remedy: 'Copy the object onto itself (gcloud storage cp), which gives it a checksum; check how it is encrypted.',
  });
};

/** An object may have any text as its type, also none that a file can be kept under: its name tells then. */
const typeOf = (contentType: string | undefined, name: string): string => {
  const stored = contentType === undefined ? undefined : readStoredType(contentType);
  return stored !== undefined && 'type' in stored ? specificType(stored.type, name) : mediaTypeByName(name);
};

/**
 * An object of Cloud Storage as a source: pinned to the generation that is there now (or the one asked for), read in ranges, checked by its checksum.
 * It can be opened in the middle, so an interrupted delivery goes on where it was.
 * @throws CourierError `source-not-found`, `source-forbidden`, `google-unavailable`
 */
export const openObject = async (
  dependencies: CloudStorageDependencies,
  asked: ObjectName,
  reading: Reading = {},
): Promise<ObjectSource> => {
  const { metadata, userProject } = await readMetadata(dependencies, asked, reading);
  const { name, generation, size, contentType, contentEncoding } = metadata;
  const pinned: ObjectName = { ...asked, generation };
  const newChecksum = mustHaveChecksum(metadata, pinned);
  const readAt = (offset: number): AsyncIterable<Uint8Array> =>
    readFrom({ ...dependencies, userProject }, pinned, { offset, size, reading });
  const whole = (): AsyncIterable<Uint8Array> => checked(readAt(0), newChecksum(), pinned);
  const stored = storedFormOf(contentEncoding);
  return {
    name,
    size,
    // The stored bytes are delivered as they are stored, so an object kept compressed is a compressed file.
    mimeType: stored?.mimeType ?? typeOf(contentType, name),
    ...(stored === undefined ? {} : { suffix: stored.suffix }),
    identity: `${labelOf(pinned)}#${generation}`,
    open: whole,
    // From the beginning the checksum counts too: so is read what a later try goes on with.
    openAt: (offset) => (offset === 0 ? whole() : readAt(offset)),
  };
};
