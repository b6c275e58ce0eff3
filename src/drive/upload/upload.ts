import { randomUUID } from 'node:crypto';
import { CourierError } from '../../errors.ts';
import type { Failure, GoogleResponse } from '../../google/transport.ts';
import type { Log } from '../../log.ts';
import { type DriveClient, fileOf } from '../client.ts';
import type { Drive, DriveFile, ReceivedBytes, UploadTarget } from '../drive.ts';
import type { BlockLease, BufferBudget } from './buffer-budget.ts';
import {
  mediaTypeOf,
  metadataJson,
  refusedTarget,
  sendAfterCommit,
  type Sender,
  type Sent,
  uploadCall,
  waitOf,
  withDigest,
} from './create-or-update.ts';
import { sendResumable } from './resumable.ts';
import { createUploadSource, MARGIN_MS, type UploadSource } from './upload-source.ts';
import { verify } from './verify.ts';

export interface UploadDependencies {
  client: DriveClient;
  files: Pick<Drive, 'get' | 'removeUnchanged' | 'revisions' | 'removeRevision'>;
  budget: BufferBudget;
  again(failure: Failure): Promise<boolean>;
  now: () => number;
  log: Log;
}

/**
 * A session needs two blocks: with only one, it could not send a full multiple of 256 KiB after Drive has stored an odd part
 * of a chunk.
 */
const SESSION_BLOCKS = 2;

/** Blocks to begin with: as many as a small file fills, so that it can be sent in one request; otherwise the fewest that a session needs. */
const blocksFor = (size: number | undefined, { blockBytes }: BufferBudget, multipartBytes: number): number =>
  size === undefined || size > multipartBytes ? SESSION_BLOCKS : Math.max(1, Math.ceil(size / blockBytes));

/**
 * The bytes of an upload, and the buffers that they are in. An upload carries them, so that another account may take them over.
 * In a WeakMap, the bytes of finished uploads would stay in memory until the next full garbage collection.
 */
class HeldBytes {
  readonly source: UploadSource;
  readonly lease: BlockLease;

  constructor({ source, lease }: { source: UploadSource; lease: BlockLease }) {
    this.source = source;
    this.lease = lease;
  }
}

/** Whether a multipart request may be sent again when its answer was lost. */
const isRepeatable = (target: UploadTarget): boolean => target.kind === 'replace' || target.file.id !== undefined;

/**
 * Creates `Drive.startUpload`.
 * @param multipartBytes how much one request carries at most; only tests pass another value
 */
export const createStartUpload =
  (
    { client, files, budget, again, now, log }: UploadDependencies,
    multipartBytes = MULTIPART_BYTES,
  ): Drive['startUpload'] =>
  async (request, from) => {
    const { size, openAt } = request.source;
    const { signal, deadlineMs } = request;
    const startReading = async (): Promise<HeldBytes> => {
      const lease = await budget.lease(blocksFor(size, budget, multipartBytes), {
        signal,
        deadlineMs: deadlineMs === undefined ? undefined : deadlineMs - MARGIN_MS,
      });
      return new HeldBytes({
        lease,
        source: createUploadSource(request, { lease, blockBytes: budget.blockBytes, now }),
      });
    };
    const taken = from?.held instanceof HeldBytes ? from.held : undefined;
    const held = taken ?? (await startReading());
    const { lease, source } = held;
    taken?.source.serve(request);
    const sender: Sender = { client, get: files.get, request, source, now, again };

    /** The whole file, if it may and does fit into one request. */
    const readSmall = async (target: UploadTarget, isResumed: boolean): Promise<ReceivedBytes | undefined> =>
      (size ?? 0) > multipartBytes || !isRepeatable(target) || isResumed
        ? undefined
        : source.buffer().readAhead(multipartBytes);

    return {
      async send(target, sessionUri) {
        if (!source.rewind()) {
          throw new CourierError('drive-unavailable', { detail: 'The bytes cannot be sent again.' });
        }
        const resumed = openAt === undefined ? undefined : sessionUri;
        const small = await readSmall(target, resumed !== undefined);
        const sent =
          small === undefined
            ? await sendResumable(sender, target, resumed)
            : await sendMultipart(sender, target, small);
        switch (sent.kind) {
          case 'written':
            return verify({ files, now, log, request, source }, target, sent);
          case 'written-before':
            return { kind: 'stored', file: sent.file, received: await source.received() };
          case 'superseded':
            return { kind: 'superseded', file: sent.file, received: await source.received() };
          default:
            return sent;
        }
      },
      received: source.received,
      held,
      close() {
        source.close();
        lease.close();
      },
    };
  };

/** "Multipart upload: use to transfer a small file (5 MB or less) along with metadata, in a single request." */
const MULTIPART_BYTES = 5 * 1024 * 1024;

const TRANSIENT_CODES: ReadonlySet<string> = new Set([
  'drive-unavailable',
  'drive-rate-limited',
  // Until retries have shown that it is not a short rate limit.
  'upload-limit-reached',
]);

/**
 * The whole file in one multipart/related request (RFC 2387). The transport does not send it again: in between, another
 * delivery may have put newer bytes into the file, or a person may have put a file of the name into the folder.
 */
const sendRequest = (
  { client, request, source }: Sender,
  target: UploadTarget,
  { size, number, beforeSend }: { size: number; number: number; beforeSend: () => Promise<void> },
): Promise<GoogleResponse> => {
  // 122 random bits that are chosen after the content, so the chance that 5 MiB of content have the same bits is 2^-100.
  const boundary = `courier-${randomUUID()}`;
  const head = `--${boundary}\r\ncontent-type: application/json; charset=UTF-8\r\n\r\n${metadataJson(target)}\r\n--${boundary}\r\ncontent-type: ${mediaTypeOf(target)}\r\n\r\n`;
  const views = source.buffer().views(0, size);
  const call = {
    ...uploadCall(target, 'multipart'),
    headers: { 'content-type': `multipart/related; boundary=${boundary}` },
    body: [Buffer.from(head), ...views, Buffer.from(`\r\n--${boundary}--\r\n`)],
    retry: 'once',
    attempt: number,
  } as const;
  const onSend = request.onCommit && (() => request.onCommit?.(target));
  return client.call(call, { ...request, beforeSend, onSend });
};

/**
 * One attempt.
 * @returns Drive's answer; the error if there is none and the request may be tried again; the file that the last check has found
 * instead
 */
const attempt = async (
  sender: Sender,
  target: UploadTarget,
  { received, number }: { received: ReceivedBytes; number: number },
): Promise<GoogleResponse | CourierError | { file: DriveFile }> =>
  sendAfterCommit(sender, { bytes: received, target }, (beforeSend) =>
    sendRequest(sender, target, { size: received.size, number, beforeSend }).catch((error: unknown) => {
      if (error instanceof CourierError && error.code === 'drive-unavailable') return error;
      throw error;
    }),
  );

/** Whether the same request may succeed later. */
const isTransient = ({ client, request }: Sender, response: GoogleResponse, target: UploadTarget): boolean => {
  if (response.status < 400) return false;
  const { code } = client.error(response, uploadCall(target, 'multipart').operation);
  return TRANSIENT_CODES.has(code) && !(request.believesLimit === true && code === 'upload-limit-reached');
};

/** Waits before the request is sent again; false if it must not be. @param answer Drive's, or the error if there is none */
const waitToRetry = async (
  sender: Sender,
  target: UploadTarget,
  answer: GoogleResponse | CourierError,
  number: number,
): Promise<boolean> => {
  const { request, again } = sender;
  const failure = { ...waitOf(request), url: uploadCall(target, 'multipart').url, attempt: number };
  if (answer instanceof CourierError) return again(failure);
  return isTransient(sender, answer, target) && again({ ...failure, response: answer });
};

/** Sends a small file in one request until Drive has given its final answer. */
const sendMultipart = async (sender: Sender, first: UploadTarget, bytes: ReceivedBytes): Promise<Sent> => {
  const { request, source } = sender;
  const target = withDigest(first, request, bytes.sha256);
  let received = bytes;
  for (let attempts = 1; ; attempts++) {
    // The attempt before may have stored the bytes, and others may have replaced them since: Drive shows that by MD5.
    if (attempts > 1 && received.md5 === undefined) received = { ...bytes, md5: await source.md5(bytes.size) };
    const answer = await attempt(sender, target, { received, number: attempts });
    if ('file' in answer) return { kind: 'superseded', file: answer.file };
    if (await waitToRetry(sender, target, answer, attempts)) continue;
    if (answer instanceof CourierError) throw answer;
    if (answer.status >= 300) return refusedTarget(sender, target, answer);
    return { kind: 'written', file: fileOf(answer), isAnswer: true };
  }
};
