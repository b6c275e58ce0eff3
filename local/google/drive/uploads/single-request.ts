import { join } from 'node:path';
import { parseJson } from '../call/body.ts';
import type { Answer, DriveCall } from '../call/call.ts';
import { badRequest, DriveError } from '../errors.ts';
import { fileResource } from '../files/resource.ts';
import type { DriveState } from '../store/state.ts';
import { forEachChunk } from './body-chunks.ts';
import { mediaTypeOf } from './media-type.ts';
import { boundaryOf, parseRelated } from './multipart-body.ts';
import { openPartialFile } from './partial-file.ts';
import { uploadTargetOf } from './upload-target.ts';

const tooLarge = (): DriveError => new DriveError(413, 'Request Too Large', { reason: 'uploadTooLarge' });

/** For a connection that broke. The client does not see this error, and nothing was changed. */
const brokenOff = (): DriveError => badRequest('The request ended early.');

type Take = (piece: Buffer) => Promise<void> | undefined;

interface RequestedFile {
  metadata: Record<string, unknown>;
  mimeType: string;
}

/**
 * Receives the bytes and creates or updates the file. Temporary files are removed in any case.
 * @param fill returns the error when there will be no file
 */
async function storeUpload(
  state: DriveState,
  call: DriveCall,
  { metadata, mimeType }: RequestedFile,
  fill: (take: Take) => Promise<DriveError | undefined>,
): Promise<Answer> {
  const { store, ids, context } = state;
  const partial = openPartialFile(join(store.uploadsDir, `${ids.upload()}.request`));
  try {
    const append = await partial.add();
    const failure = await fill((piece) => append.take(context.corrupt(call.google, piece)));
    await append.finish('all');
    if (failure !== undefined) throw failure;
    const file = await uploadTargetOf(call).run(state, call, metadata, await partial.received(mimeType));
    return { resource: fileResource(state, call.actor, file) };
  } finally {
    partial.discard();
  }
}

/** Handles `uploadType=media`: the body is the file, without metadata. Source: guides/manage-uploads#simple. */
export async function uploadMedia(state: DriveState, call: DriveCall): Promise<Answer> {
  const { request } = call.google;
  const limit = state.limits.singleRequestUploadBytes;
  const mimeType = mediaTypeOf(request.headers['content-type'], {}, uploadTargetOf(call).replacedType(state, call));
  const length = request.headers['content-length'];
  const size = length === undefined ? undefined : Number(length);
  if (size !== undefined && size > limit) throw tooLarge();
  uploadTargetOf(call).check(state, call, {}, { mimeType, size });
  return storeUpload(state, call, { metadata: {}, mimeType }, async (take) => {
    let bytes = 0;
    const whole = await forEachChunk(request, (piece) => {
      bytes += piece.length;
      return bytes > limit ? undefined : take(piece);
    });
    if (!whole) return brokenOff();
    return bytes > limit ? tooLarge() : undefined;
  });
}

const ENVELOPE_BYTES = 1024 * 1024;

async function readRelated(call: DriveCall, limit: number): Promise<Buffer> {
  // Base64 adds a third, and its line breaks.
  const most = Math.ceil(limit * 1.4) + ENVELOPE_BYTES;
  const pieces: Buffer[] = [];
  let bytes = 0;
  const whole = await forEachChunk(call.google.request, (piece) => {
    bytes += piece.length;
    if (bytes <= most) pieces.push(piece);
    return undefined;
  });
  if (!whole) throw brokenOff();
  if (bytes > most) throw tooLarge();
  return Buffer.concat(pieces);
}

/**
 * Handles `uploadType=multipart`: metadata and file in one body. The size limit applies to the file. Source:
 * guides/manage-uploads#multipart.
 */
export async function uploadMultipart(state: DriveState, call: DriveCall): Promise<Answer> {
  const limit = state.limits.singleRequestUploadBytes;
  const boundary = boundaryOf(call.google.request.headers['content-type']);
  const { media, mediaType, ...parts } = parseRelated(await readRelated(call, limit), boundary);
  const metadata = parseJson(parts.metadata);
  const mimeType = mediaTypeOf(mediaType, metadata, uploadTargetOf(call).replacedType(state, call));
  if (media.length > limit) throw tooLarge();
  uploadTargetOf(call).check(state, call, metadata, { mimeType, size: media.length });
  return storeUpload(state, call, { metadata, mimeType }, async (take) => {
    await take(media);
    return undefined;
  });
}
