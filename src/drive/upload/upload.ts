import { checkDigest } from '../../digest.ts';
import { CourierError } from '../../errors.ts';
import type { Failure, GoogleResponse } from '../../google/transport.ts';
import type { Log } from '../../log.ts';
import type { BufferBudget } from './buffer-budget.ts';
import { type Bytes, createUploadSource, MARGIN_MS } from './upload-source.ts';
import type { DriveClient } from '../client.ts';
import type { Drive, Uploaded, UploadRequest, UploadTarget } from '../drive.ts';
import { fileOf } from '../file.ts';
import { MULTIPART_BYTES, sendMultipart } from './multipart.ts';
import { sendResumable } from './resumable.ts';
import {
  type Landed,
  offer,
  stoppedWith,
  type TargetRules,
  uploadCall,
  waitOf,
  withDigest,
} from './create-or-update.ts';
import { verify } from './verify.ts';
import type { Whole } from './replay-buffer.ts';

export interface UploadDependencies {
  client: DriveClient;
  files: Pick<Drive, 'get' | 'removeUnchanged' | 'revisions' | 'removeRevision'>;
  budget: BufferBudget;
  again(failure: Failure): Promise<boolean>;
  now: () => number;
  log: Log;
}

/** A session needs two blocks: with one, a chunk of which Drive stored an odd part could not be brought to a multiple again. */
const SESSION_BLOCKS = 2;

/** Blocks to begin with: a small file's own, so that it surely goes in one request; else the fewest that a session needs. */
const blocksFor = (size: number | undefined, { blockBytes }: BufferBudget, multipartBytes: number): number =>
  size === undefined || size > multipartBytes ? SESSION_BLOCKS : Math.max(1, Math.ceil(size / blockBytes));

/** Whether a multipart request may be sent again when its answer was lost. */
const isRepeatable = ({ target }: UploadRequest): boolean => target.kind === 'replace' || target.file.id !== undefined;

const TRANSIENT_CODES: ReadonlySet<string> = new Set(['drive-unavailable', 'drive-rate-limited']);

interface Multipart {
  client: DriveClient;
  rules: TargetRules;
  request: UploadRequest;
  bytes: Bytes;
  again(failure: Failure): Promise<boolean>;
}

/** One attempt: Drive's answer, or the error that remains when there is none and the request may be tried again. */
const attemptMultipart = async (
  { client, request, bytes }: Multipart,
  target: UploadTarget,
  size: number,
): Promise<GoogleResponse | CourierError> => {
  try {
    return await sendMultipart(client, target, bytes.window().views(0, size), request);
  } catch (error) {
    if (error instanceof CourierError && error.code === 'drive-unavailable') return error;
    throw error;
  }
};

/** Whether the same request may be answered better later. */
const isTransient = ({ client }: Multipart, response: GoogleResponse, target: UploadTarget): boolean =>
  response.status >= 400 && TRANSIENT_CODES.has(client.error(response, uploadCall(target, 'multipart').operation).code);

/** Sends the request until Drive has answered it for good; before each attempt `beforeCommit` looks whether it still should. */
const sendWhole = async (upload: Multipart, target: UploadTarget, whole: Whole): Promise<GoogleResponse | Landed> => {
  const { request, bytes, again } = upload;
  for (let attempt = 1; ; attempt++) {
    const stopped = await bytes.commit(whole, target);
    if (stopped !== undefined) return stoppedWith(stopped.file);
    if (attempt > 1 && request.callStats !== undefined) request.callStats.retries += 1;
    const answer = await attemptMultipart(upload, target, whole.size);
    const failed = answer instanceof CourierError;
    if (!failed && !isTransient(upload, answer, target)) return answer;
    const wait = { ...waitOf(request), url: uploadCall(target, 'multipart').url, attempt };
    if (await again(failed ? wait : { ...wait, response: answer })) continue;
    if (failed) throw answer;
    return answer;
  }
};

const landMultipart = async (upload: Multipart, whole: Whole): Promise<Landed> => {
  const { rules, request } = upload;
  const wanted = withDigest(request, whole.sha256);
  const accepted = await offer(rules, wanted, (target) => sendWhole(upload, target, whole));
  if (accepted.kind === 'exists') return accepted.landed;
  const replaced = accepted.target.kind === 'replace';
  return {
    file: fileOf(accepted.response),
    existed: replaced && request.target.kind === 'create',
    ours: true,
    replaced,
    isAnswer: true,
  };
};

/**
 * Puts a source's bytes into Drive; see `Drive.upload`.
 * @param multipartBytes what goes in one request at most; a parameter for tests alone.
 */
export const createUpload =
  ({ client, files, budget, again, now, log }: UploadDependencies, multipartBytes = MULTIPART_BYTES): Drive['upload'] =>
  async (request): Promise<Uploaded> => {
    const { source } = request;
    const { signal, deadlineMs } = request;
    const lease = await budget.lease(blocksFor(source.size, budget, multipartBytes), {
      ...(signal === undefined ? {} : { signal }),
      ...(deadlineMs === undefined ? {} : { deadlineMs: deadlineMs - MARGIN_MS }),
    });
    const bytes = createUploadSource(request, { lease, blockBytes: budget.blockBytes, now });
    const rules: TargetRules = { client, get: files.get, request };

    /** The whole file, when it may and does go in one request. */
    const readSmall = async (): Promise<Whole | undefined> => {
      if ((source.size ?? 0) > multipartBytes || !isRepeatable(request)) return undefined;
      if (request.resume?.sessionUri !== undefined && source.openAt !== undefined) return undefined;
      return bytes.window().readAhead(multipartBytes);
    };

    try {
      const small = await readSmall();
      const landed =
        small === undefined
          ? await sendResumable({ client, rules, request, bytes, now, again })
          : await landMultipart({ client, rules, request, bytes, again }, small);
      const whole = small ?? (await bytes.window().drain());
      checkDigest(request.expectedSha256, whole.sha256);
      const file = landed.ours
        ? await verify({ files, now, log }, { landed, whole, md5: () => bytes.md5(whole.size) }, request)
        : landed.file;
      const { existed, replaced, stopped = false } = landed;
      return { file, ...whole, existed, replaced, stopped };
    } finally {
      bytes.close();
      lease.close();
    }
  };
