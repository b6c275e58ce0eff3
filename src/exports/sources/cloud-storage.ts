import { z } from 'zod';
import type { Bearer } from '../../bearer.ts';
import type { Source } from '../../domain.ts';
import { CourierError } from '../../errors.ts';
import type { GoogleResponse, GoogleStream, GoogleTransport } from '../../google/transport.ts';
import { mediaTypeByName, readStoredType, specificType } from '../../text/media-type.ts';
import { parseAnswer } from '../parse-answer.ts';
import { storedFormOf } from './content-encoding.ts';
import { type Checksum, checked, checksumOf } from './object-checksum.ts';
import { labelOf, type ObjectName, objectNotFound } from './object-name.ts';
import { encryptedWithCustomerKey, needsUserProject, storageError } from './storage-refusal.ts';

const metadataSchema = z.object({
  name: z.string(),
  generation: z.string().regex(/^\d+$/),
  size: z.string().regex(/^\d+$/).transform(Number),
  contentType: z.string().optional(),
  contentEncoding: z.string().optional(),
  /** Base64 of the big-endian CRC32C. Composite objects have it, but no MD5. Absent with a customer-supplied key. */
  crc32c: z.string().optional(),
  /** Base64. */
  md5Hash: z.string().optional(),
  customerEncryption: z.looseObject({}).optional(),
});

/** An object's bytes, its name and, if it is stored encoded, the suffix of the file name (`.gz`). */
export type ObjectSource = Source & { name: string; suffix?: string | undefined };

/** The bearer token is that of the runtime identity. */
export interface CloudStorageDependencies extends Bearer {
  transport: GoogleTransport;
  /** The project to bill for reads from requester-pays buckets; sent only if a bucket requires it. */
  userProject?: string | undefined;
}

interface Reading {
  signal?: AbortSignal;
  deadlineMs?: number;
}

const ORIGIN = 'https://storage.googleapis.com';
const MAX_BROKEN_READS = 5;

/** Cloud Storage also answers 403 for a missing object if the account may not list the bucket. */
const errorOf = (
  answer: Pick<GoogleResponse, 'status' | 'body'>,
  name: ObjectName,
  { userProject, account }: Pick<CloudStorageDependencies, 'userProject' | 'account'>,
): CourierError =>
  answer.status === 404 || answer.status === 412
    ? objectNotFound(name)
    : storageError(answer, { bucket: name.bucket, label: labelOf(name), userProject, courier: account?.() });

export const objectUrl = ({ bucket, object, generation }: ObjectName, userProject: string | undefined): URL => {
  const url = new URL(`${ORIGIN}/storage/v1/b/${encodeURIComponent(bucket)}/o/${encodeURIComponent(object)}`);
  if (generation !== undefined) url.searchParams.set('generation', generation);
  if (userProject !== undefined) url.searchParams.set('userProject', userProject);
  return url;
};

interface Found {
  metadata: z.infer<typeof metadataSchema>;
  /** The project to bill; undefined for a bucket whose owner pays. */
  userProject: string | undefined;
}

const readMetadata = async (
  { transport, userProject, ...bearer }: CloudStorageDependencies,
  name: ObjectName,
  reading: Reading,
): Promise<Found> => {
  const request = (payer: string | undefined): Promise<GoogleResponse> => {
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
  const first = await request(undefined);
  const isBilled = userProject !== undefined && needsUserProject(first);
  const answer = isBilled ? await request(userProject) : first;
  if (answer.status !== 200) throw errorOf(answer, name, { userProject, account: bearer.account });
  return { metadata: parseMetadata(answer.body), userProject: isBilled ? userProject : undefined };
};

/** @throws CourierError `google-unavailable` for an invalid response */
const parseMetadata = (body: Buffer): z.infer<typeof metadataSchema> =>
  parseAnswer('Cloud Storage', () => metadataSchema.parse(JSON.parse(body.toString())));

/** How much of an error response is read to find its reason. */
const MAX_ERROR_BYTES = 16_384;

const bodyOf = async ({ body }: GoogleStream): Promise<Buffer> => {
  const pieces: Buffer[] = [];
  let bytes = 0;
  try {
    for await (const piece of body as AsyncIterable<Buffer>) {
      pieces.push(piece);
      bytes += piece.byteLength;
      if (bytes >= MAX_ERROR_BYTES) break;
    }
  } catch {
    // Without the body, the error is based on the status alone.
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
      // Without this, Cloud Storage decompresses an object stored with Content-Encoding: gzip, and its size and
      // checksum do not match (https://cloud.google.com/storage/docs/transcoding).
      'accept-encoding': 'gzip',
      ...(offset > 0 ? { range: `bytes=${offset}-` } : {}),
    },
    retry: 'idempotent',
    ...reading,
  });
  if (answer.status === (offset > 0 ? 206 : 200)) return answer;
  const body = await bodyOf(answer);
  answer.body.destroy();
  throw errorOf({ status: answer.status, body }, name, { userProject, account: bearer.account });
};

/** Reads the bytes from `offset` to the end. An interrupted read resumes where it stopped. */
async function* readFrom(
  dependencies: CloudStorageDependencies,
  name: ObjectName,
  { offset, size, reading }: { offset: number; size: number; reading: Reading },
): AsyncGenerator<Uint8Array> {
  let at = offset;
  for (let broken = 0; at < size; broken += 1) {
    if (broken > MAX_BROKEN_READS) {
      throw new CourierError('google-unavailable', {
        detail: `Reading ${labelOf(name)} was interrupted ${broken} times.`,
      });
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
 * A source for an object that no longer exists. If its generation is known, its bytes still have an identity, with
 * which an earlier delivery can be found.
 */
export const missingObject = (name: ObjectName, missing: Error): Source & { name: string } => ({
  name: name.object,
  size: undefined,
  mimeType: 'application/octet-stream',
  missing,
  identity: name.generation === undefined ? undefined : `${labelOf(name)}#${name.generation}`,
  open: () => {
    throw missing;
  },
});

/** @throws CourierError `source-forbidden` if the bytes cannot be read or verified */
const mustHaveChecksum = (metadata: Found['metadata'], name: ObjectName): (() => Checksum) => {
  if (metadata.customerEncryption !== undefined) throw encryptedWithCustomerKey(labelOf(name));
  const checksum = checksumOf(metadata);
  if (checksum !== undefined) return checksum;
  throw new CourierError('source-forbidden', {
    detail: `Cloud Storage has no checksum for ${labelOf(name)}, so its bytes cannot be verified.`,
    remedy: 'Copy the object onto itself (gcloud storage cp), which gives it a checksum; check how it is encrypted.',
  });
};

/**
 * The content type of an object may be any text. If it is not a usable media type, the type is derived from the name.
 */
const typeOf = (contentType: string | undefined, name: string): string => {
  const stored = contentType === undefined ? undefined : readStoredType(contentType);
  return stored !== undefined && 'type' in stored ? specificType(stored.type, name) : mediaTypeByName(name);
};

/**
 * Opens a Cloud Storage object as a source. It is pinned to the current (or the requested) generation, read in ranges,
 * and verified by its checksum. It can be opened at any offset, so an interrupted delivery can resume.
 * @throws CourierError `source-not-found`, `source-forbidden`, `google-unavailable`
 */
export const openObject = async (
  dependencies: CloudStorageDependencies,
  requested: ObjectName,
  reading: Reading = {},
): Promise<ObjectSource> => {
  const { metadata, userProject } = await readMetadata(dependencies, requested, reading);
  const { name, generation, size, contentType, contentEncoding } = metadata;
  const pinned: ObjectName = { ...requested, generation };
  const newChecksum = mustHaveChecksum(metadata, pinned);
  const readAt = (offset: number): AsyncIterable<Uint8Array> =>
    readFrom({ ...dependencies, userProject }, pinned, { offset, size, reading });
  const whole = (): AsyncIterable<Uint8Array> => checked(readAt(0), newChecksum(), pinned);
  const stored = storedFormOf(contentEncoding);
  return {
    name,
    size,
    // The bytes are delivered as they are stored, so a compressed object becomes a compressed file.
    mimeType: stored?.mimeType ?? typeOf(contentType, name),
    suffix: stored?.suffix,
    identity: `${labelOf(pinned)}#${generation}`,
    open: whole,
    // A read from the start also verifies the checksum. Deliveries that can resume start this way.
    openAt: (offset) => (offset === 0 ? whole() : readAt(offset)),
  };
};
