import { randomUUID } from 'node:crypto';
import type { GoogleResponse } from '../../google/transport.ts';
import type { DriveClient } from '../client.ts';
import type { CallContext, UploadTarget } from '../drive.ts';
import { mediaTypeOf, metadataJson, uploadCall } from './create-or-update.ts';

/** "Multipart upload: use to transfer a small file (5 MB or less) along with metadata, in a single request." */
export const MULTIPART_BYTES = 5 * 1024 * 1024;

/**
 * The whole file in one multipart/related request (RFC 2387). The transport does not send it again: in between, another
 * delivery may have put newer bytes into the file, or a person may have put a file of the name into the folder.
 * @param views the file's bytes, which are not copied.
 */
export const sendMultipart = (
  client: DriveClient,
  target: UploadTarget,
  views: readonly Uint8Array[],
  context: CallContext,
): Promise<GoogleResponse> => {
  // 122 random bits made after the content: no content can hold it but by a chance of 2^-100 for 5 MiB.
  const boundary = `courier-${randomUUID()}`;
  const head = `--${boundary}\r\ncontent-type: application/json; charset=UTF-8\r\n\r\n${metadataJson(target)}\r\n--${boundary}\r\ncontent-type: ${mediaTypeOf(target)}\r\n\r\n`;
  const call = {
    ...uploadCall(target, 'multipart'),
    headers: { 'content-type': `multipart/related; boundary=${boundary}` },
    body: [Buffer.from(head), ...views, Buffer.from(`\r\n--${boundary}--\r\n`)],
    retry: 'once',
  } as const;
  return client.call(call, context);
};
