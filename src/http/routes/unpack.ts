import { createHash } from 'node:crypto';
import { z } from 'zod';
import type { ArchiveEntry } from '../../archives/entry.ts';
import { type EntryPlace, isMacMetadata, placeOfEntry } from '../../archives/entry-place.ts';
import { readTarGz } from '../../archives/tar.ts';
import { readZip } from '../../archives/zip.ts';
import type { AnnouncedDelivery } from '../../delivery/checks/check-request.ts';
import { impliedDestination } from '../../domain.ts';
import { asCourierError, CourierError } from '../../errors.ts';
import { Spool } from '../../exports/bytes/spool.ts';
import { type ContentType, mediaTypeByName } from '../../text/media-type.ts';
import { holderOf } from '../capacity.ts';
import type { Capacity, HttpDependencies } from '../dependencies.ts';
import { type DocumentLease, MAX_DOCUMENT_BYTES } from '../document-memory.ts';
import { answerLines, type WriteLine } from '../many/answer-lines.ts';
import { deliverMany, type Found } from '../many/deliver-many.ts';
import { readBodyDigests, withDigests } from '../request/body-digests.ts';
import {
  keyOfRequest,
  readContentType,
  readIdempotencyKey,
  rejectCodings,
  rejectEvents,
  rejectTrailers,
} from '../request/body-headers.ts';
import { readForm } from '../request/form.ts';
import { isBodyPending, type RequestBody, requestBody } from '../request/incoming-request.ts';
import { gatherOptions, parseInput, textOptionShape, UNPACK_FORMATS } from '../request/options.ts';
import { readQuery } from '../request/request-head.ts';
import type { CourierContext, RequestTime } from '../request-context.ts';

const { name: _, ...sharedOptions } = textOptionShape;
const unpackOptions = z.strictObject({
  ...sharedOptions,
  unpack: z.enum(UNPACK_FORMATS),
  preserveTimes: z.exactOptional(z.enum(['true', 'false']).transform((text) => text === 'true')),
  name: z.exactOptional(
    z.custom<never>(() => false, {
      error: 'cannot be used with "unpack": the files have the names of the entries',
      params: { code: 'name-invalid', remedy: 'Leave out "name". The folder for the files is the option "path".' },
    }),
  ),
});
type UnpackOptions = z.output<typeof unpackOptions>;

type UnpackDependencies = Pick<
  HttpDependencies,
  'authorize' | 'deliver' | 'destinations' | 'maxBodyBytes' | 'now' | 'requestSeconds' | 'log'
>;

/**
 * The key of an entry. It follows from the key of the request and the path of the entry, so a retry of the request delivers
 * only what is missing. It is a hash, so that it stays short if the path is long.
 */
const keyOfEntry = (key: string | undefined, path: string): string | undefined =>
  key === undefined
    ? undefined
    : `entry/${createHash('sha256')
        .update(JSON.stringify([key, path]))
        .digest('base64url')}`;

/** @throws CourierError `too-large` */
const tooLargeForZip = (): CourierError =>
  new CourierError('too-large', {
    detail: `A zip file to unpack may have up to ${MAX_DOCUMENT_BYTES} bytes, because its directory is at its end.`,
    reason: 'zip',
    remedy:
      'Unpack it and send the folder with "courier send", or repack it as a .tar.gz, which is unpacked while it arrives and may have any size.',
  });

/** Collects a zip file in memory, because its directory is at its end. */
const collectZip = async (pieces: AsyncIterable<Uint8Array>, lease: DocumentLease): Promise<Spool> => {
  const spool = new Spool();
  for await (const piece of pieces) {
    if (spool.size + piece.byteLength > MAX_DOCUMENT_BYTES) throw tooLargeForZip();
    lease.take(piece.byteLength);
    spool.add(piece);
  }
  return spool;
};

/** A short mark of a place, so that ten thousand of them take little memory. */
const markOf = ({ path, name }: EntryPlace): string =>
  createHash('sha256').update(`${path}/${name}`).digest('base64url').slice(0, 22);

/**
 * The times of the request, else those of the entry. An archive does not say when a file was created, and a file cannot be
 * younger than its content.
 */
const timesOf = ({ modified }: ArchiveEntry & { kind: 'file' }, options: UnpackOptions) => {
  const { modifiedTime, createdTime, preserveTimes = false } = options;
  const own = preserveTimes ? modified?.toISOString() : undefined;
  return { modifiedTime: modifiedTime ?? own, createdTime: createdTime ?? own };
};

interface Unpacking {
  options: UnpackOptions;
  /** Folders below the destination's. */
  base: string;
  /** The idempotency key of the request. */
  key: string | undefined;
}

const asFound = (entry: ArchiveEntry, { options, base, key }: Unpacking, seen: Set<string>): Found => {
  if (entry.kind === 'folder' || isMacMetadata(entry.path)) return { kind: 'ignored' };
  const origin = { entry: entry.path };
  if (entry.kind === 'refused') return { kind: 'fault', origin, error: entry.error };
  try {
    const place = placeOfEntry(entry.path, base);
    const mark = markOf(place);
    if (seen.has(mark)) {
      throw new CourierError('name-taken', {
        detail: 'An earlier entry of the archive has the same name and folder, and only the first is delivered.',
        remedy: 'Pack each file once. Names that differ only in their Unicode form are the same name.',
      });
    }
    seen.add(mark);
    const { size, isStream, open } = entry;
    const source = { size, mimeType: mediaTypeByName(place.name), open };
    const idempotencyKey = keyOfEntry(key, entry.path);
    const { unpack: _unpack, name: _name, preserveTimes: _preserveTimes, ...shared } = options;
    const placed = options.path === undefined ? { ...place, isPathOfObject: true, pathTemplate: base } : place;
    const times = timesOf(entry, options);
    return {
      kind: 'file',
      origin,
      isStream,
      open: async () => ({ options: { ...shared, ...times, ...placed }, source, idempotencyKey }),
    };
  } catch (error) {
    return { kind: 'fault', origin, error: asCourierError(error) };
  }
};

async function* filesOf(entries: AsyncIterable<ArchiveEntry>, unpacking: Unpacking): AsyncGenerator<Found> {
  const seen = new Set<string>();
  for await (const entry of entries) yield asFound(entry, unpacking, seen);
}

/** The folders below which the entries are put: those of the option, else the destination's. */
const baseOf = (
  { destination, path }: UnpackOptions,
  available: ReturnType<HttpDependencies['destinations']>,
): string => {
  if (path !== undefined) return path;
  const names = available.map(({ name }) => name);
  const implied = impliedDestination(destination, names);
  return available.find(({ name }) => name === implied)?.path ?? '';
};

interface Archive {
  options: UnpackOptions;
  /** The bytes of the archive. Their digests are checked at the end. */
  read(): AsyncIterable<Uint8Array>;
}

interface ArchiveRequest {
  context: CourierContext;
  body: RequestBody;
  query: [string, string][];
  contentType: ContentType;
}

/** The body is the archive. */
const rawArchive = ({ context, body, query }: ArchiveRequest): Archive => {
  const digests = readBodyDigests((name) => context.req.raw.headers.get(name));
  return {
    options: parseInput(unpackOptions, gatherOptions(query)),
    read: () =>
      withDigests(
        body.read(false, () => rejectTrailers(context.env.incoming)),
        digests,
      ),
  };
};

/** The archive is the file of a form. */
const formArchive = async ({ context, body, query, contentType }: ArchiveRequest): Promise<Archive> => {
  const digests = readBodyDigests((name) => context.req.raw.headers.get(name));
  const bytes = body.read(false, () => rejectTrailers(context.env.incoming));
  const form = await readForm(bytes, contentType.parameters?.get('boundary') ?? '', digests);
  const { expectedSha256: hex } = form;
  return {
    options: parseInput(unpackOptions, gatherOptions([...query, ...form.fields])),
    read: () => withDigests(form.read(), hex === undefined ? [] : [{ algorithm: 'sha256', hex }]),
  };
};

/** The destination of a form may be in its fields, so it is known only if it is in the query. */
const announcedByQuery = (query: [string, string][]): Pick<AnnouncedDelivery, 'options'> => {
  const { destination } = gatherOptions(query);
  return destination === undefined ? {} : { options: { destination } };
};

/** The part of an announced size that is kept in memory. @throws CourierError `too-large` */
const keptBytes = (unpack: string | undefined, size: number | undefined): number | undefined => {
  if (unpack !== 'zip') return 0;
  if (size !== undefined && size > MAX_DOCUMENT_BYTES) throw tooLargeForZip();
  return size;
};

/**
 * `POST /v1/files?unpack=zip` and `unpack=tar.gz`: the entries of an archive as files below `path`. Each entry is a
 * delivery of its own, with a key that is derived from the request's.
 */
export const unpackArchive = async (
  context: CourierContext,
  dependencies: UnpackDependencies,
  { slots, memory, lines, minThroughput }: Capacity,
): Promise<Response> => {
  const { caller, trace } = context.var;
  const { requestId } = trace;
  const { headers } = context.req.raw;
  const { incoming, begin, stopBody } = context.env;
  rejectCodings(headers);
  rejectEvents(headers);
  const { idempotencyKey: key, query } = keyOfRequest(
    readIdempotencyKey(headers),
    readQuery(incoming.url ?? ''),
    headers,
  );
  const contentType = readContentType(headers.get('content-type'));
  const isForm = contentType.mediaType === 'multipart/form-data';
  const pressure = (): number => slots.pressure(holderOf.caller(caller));
  const body = requestBody(incoming, { maxBytes: dependencies.maxBodyBytes, minThroughput, pressure, begin });
  const request: ArchiveRequest = { context, body, query, contentType };
  const raw = isForm ? undefined : rawArchive(request);
  const announced = raw === undefined ? announcedByQuery(query) : { options: raw.options, size: body.size };
  const kept = keptBytes(raw?.options.unpack ?? gatherOptions(query).unpack, body.size);
  dependencies.authorize({ caller, requestId, idempotencyKey: key, ...announced });

  const unpack = async (time: RequestTime, write: WriteLine, lease: DocumentLease): Promise<void> => {
    const { options, read } = raw ?? (await formArchive(request));
    const entries = options.unpack === 'zip' ? readZip(await collectZip(read(), lease)) : readTarGz(read());
    const base = baseOf(options, dependencies.destinations(caller));
    const found = filesOf(entries, { options, base, key });
    await deliverMany({ ...dependencies, slots }, { caller, requestId, time, write }, found);
  };
  const holder = holderOf.caller(caller);
  return answerLines(
    context,
    dependencies,
    async (time, write) => {
      try {
        await slots.hold(holder, () => memory.hold(holder, kept, (lease) => unpack(time, write, lease)));
      } finally {
        body.release();
        if (isBodyPending(incoming)) stopBody?.();
      }
    },
    // A caller may send its whole archive before it reads. There is at most one line for each entry.
    { memory: lines, holder },
  );
};
