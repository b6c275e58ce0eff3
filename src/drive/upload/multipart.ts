import { randomUUID } from 'node:crypto';
import { CourierError } from '../../errors.ts';
import type { GoogleResponse } from '../../google/transport.ts';
import type { ReceivedBytes, UploadTarget } from '../drive.ts';
import { fileOf } from '../file.ts';
import {
  mediaTypeOf,
  metadataJson,
  refusedTarget,
  type Sender,
  type Sent,
  uploadCall,
  waitOf,
  withDigest,
} from './create-or-update.ts';

/** "Multipart upload: use to transfer a small file (5 MB or less) along with metadata, in a single request." */
export const MULTIPART_BYTES = 5 * 1024 * 1024;

const TRANSIENT_CODES: ReadonlySet<string> = new Set(['drive-unavailable', 'drive-rate-limited']);

/**
 * The whole file in one multipart/related request (RFC 2387). The transport does not send it again: in between, another
 * delivery may have put newer bytes into the file, or a person may have put a file of the name into the folder.
 */
const sendRequest = (
  { client, request, source }: Sender,
  target: UploadTarget,
  size: number,
): Promise<GoogleResponse> => {
  // 122 random bits made after the content: no content can hold it but by a chance of 2^-100 for 5 MiB.
  const boundary = `courier-${randomUUID()}`;
  const head = `--${boundary}\r\ncontent-type: application/json; charset=UTF-8\r\n\r\n${metadataJson(target)}\r\n--${boundary}\r\ncontent-type: ${mediaTypeOf(target)}\r\n\r\n`;
  const views = source.buffer().views(0, size);
  const call = {
    ...uploadCall(target, 'multipart'),
    headers: { 'content-type': `multipart/related; boundary=${boundary}` },
    body: [Buffer.from(head), ...views, Buffer.from(`\r\n--${boundary}--\r\n`)],
    retry: 'once',
  } as const;
  return client.call(call, request);
};

/** One attempt: Drive's answer, or the error if there is none and the request may be tried again. */
const attempt = async (sender: Sender, target: UploadTarget, size: number): Promise<GoogleResponse | CourierError> => {
  try {
    return await sendRequest(sender, target, size);
  } catch (error) {
    if (error instanceof CourierError && error.code === 'drive-unavailable') return error;
    throw error;
  }
};

/** Whether the same request may succeed later. */
const isTransient = ({ client }: Sender, response: GoogleResponse, target: UploadTarget): boolean =>
  response.status >= 400 && TRANSIENT_CODES.has(client.error(response, uploadCall(target, 'multipart').operation).code);

/** Sends a small file in one request until Drive has given its final answer. `commit` is called before each attempt. */
export const sendMultipart = async (sender: Sender, first: UploadTarget, received: ReceivedBytes): Promise<Sent> => {
  const { request, source, again } = sender;
  const target = withDigest(first, request, received.sha256);
  for (let attempts = 1; ; attempts++) {
    const superseding = await source.commit(received, target);
    if (superseding !== undefined) return { kind: 'superseded', file: superseding.file };
    if (attempts > 1 && request.callStats !== undefined) request.callStats.retries += 1;
    const answer = await attempt(sender, target, received.size);
    const failure = { ...waitOf(request), url: uploadCall(target, 'multipart').url, attempt: attempts };
    if (answer instanceof CourierError) {
      if (await again(failure)) continue;
      throw answer;
    }
    if (isTransient(sender, answer, target) && (await again({ ...failure, response: answer }))) continue;
    if (answer.status >= 300) return refusedTarget(sender, target, answer);
    return { kind: 'written', file: fileOf(answer), isAnswer: true };
  }
};
