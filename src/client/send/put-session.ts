import { z } from 'zod';
import { retryAfterSeconds } from '../../text/http-grammar.ts';
import { CourierClientError, failure } from '../errors.ts';
import { type Exchange, type HttpAnswer, networkErrorText } from '../http/http.ts';
import { type Retry, waitAfter } from '../http/retry.ts';
import type { Seekable } from './input.ts';
import type { RunningDigest } from './running-digest.ts';

export interface SessionUpload {
  input: Seekable;
  /** A secret: anyone who has it may write the file, without a token. */
  uploadUrl: string;
  /** A multiple of 256 KiB. */
  chunkBytes: number;
  digest: RunningDigest;
  exchange: Exchange;
  retry: Retry;
  /** True when the session may already have bytes. The client then first queries how many. */
  resumed: boolean;
  /** Called with the number of bytes that Drive has or that are being sent. */
  onBytes(sent: number): void;
  signal?: AbortSignal | undefined;
  /**
   * If no byte moves in either direction for this many milliseconds, the client ends the request and queries the session.
   * Default: 120 000.
   */
  idleMs?: number;
}

/** There is no limit for a whole chunk, which may take long on a slow connection. */
const DEFAULT_IDLE_MS = 120_000;

/** `lost`: Drive does not know the session. Drive also gives this answer some time after a session has succeeded. */
export type SessionEnd = 'stored' | 'lost';

type Step = { at: number } | SessionEnd;

const RATE_REASONS: ReadonlySet<string> = new Set([
  'rateLimitExceeded',
  'userRateLimitExceeded',
  'sharingRateLimitExceeded',
]);
const refusalSchema = z.object({
  error: z.object({ message: z.string(), errors: z.array(z.object({ reason: z.string() })).default([]) }),
});

const reasonsIn = (text: string): readonly string[] => {
  try {
    return refusalSchema.parse(JSON.parse(text)).error.errors.map(({ reason }) => reason);
  } catch {
    return [];
  }
};

const interrupted = (detail: string, cause?: unknown, waitSeconds?: number): CourierClientError =>
  failure('upload-interrupted', { detail, cause, retryAfterSeconds: waitSeconds });

/**
 * Reads a response of the session (https://developers.google.com/workspace/drive/api/guides/manage-uploads#resumable):
 * 308 with the stored Range (no Range: nothing is stored), 2xx when everything is stored, 404 or 410 when the session has
 * ended. After 5xx and rate limits the client queries the session again; any other 4xx requires a new session.
 * @throws CourierClientError `upload-interrupted` if the session can be queried again, `upload-refused` if a new one would not
 * help
 */
const stepOf = (answer: HttpAnswer): Step => {
  const { status, headers, text } = answer;
  if (status === 308) {
    if (headers.range === undefined) return { at: 0 };
    const [, last] = /^\s*(?:bytes(?:\s*=\s*|\s+))?0-(\d{1,15})\s*$/i.exec(headers.range) ?? [];
    if (last === undefined) throw interrupted('Drive answered with an unreadable Range header');
    return { at: Number(last) + 1 };
  }
  if (status >= 200 && status < 300) return 'stored';
  const reasons = reasonsIn(text);
  const isRateLimit = status === 403 && reasons.some((reason) => RATE_REASONS.has(reason));
  if (status >= 500 || status === 429 || status === 408 || isRateLimit) {
    throw interrupted(`Drive answered HTTP ${status}`, undefined, retryAfterSeconds(headers));
  }
  if (status === 403) throw failure('upload-refused', { detail: `Drive: ${reasons.join(', ') || 'HTTP 403'}`, status });
  return 'lost';
};

async function* readAndDigest(
  { input, digest, onBytes }: SessionUpload,
  start: number,
  end: number,
): AsyncIterable<Uint8Array> {
  await digest.catchUp(start);
  let at = start;
  for await (const bytes of input.read(start, end)) {
    digest.add(at, bytes);
    at += bytes.byteLength;
    onBytes(at);
    yield bytes;
  }
}

/** The two requests of a session: how many bytes it has, and the next chunk. */
const createPut = (upload: SessionUpload) => {
  const { input, uploadUrl, chunkBytes, exchange, signal, idleMs = DEFAULT_IDLE_MS } = upload;
  const { size } = input;
  const put = async (headers: Record<string, string>, body: Uint8Array | AsyncIterable<Uint8Array>): Promise<Step> => {
    const request = { method: 'PUT', url: uploadUrl, headers, body, signal, idleMs };
    const answer = await exchange(request).catch((error: unknown) => {
      if (signal?.aborted || error instanceof CourierClientError) throw error;
      throw interrupted(`Drive: ${networkErrorText(error)}`, error);
    });
    return stepOf(answer);
  };
  return {
    queryStored: () => put({ 'content-range': `bytes */${size}` }, new Uint8Array()),
    async putFrom(at: number): Promise<Step> {
      await input.assertUnchanged();
      const end = Math.min(size, at + chunkBytes);
      const headers = { 'content-length': String(end - at), 'content-range': `bytes ${at}-${end - 1}/${size}` };
      return put(headers, readAndDigest(upload, at, end));
    },
  };
};

interface Interrupted {
  problem: CourierClientError;
}

/** An interruption as a value, because the upload continues after it. Any other error is thrown. */
const asInterruption = (error: unknown): Interrupted => {
  if (!(error instanceof CourierClientError) || error.code !== 'upload-interrupted') throw error;
  return { problem: error };
};

/**
 * Why a step counts as a failure; undefined for progress.
 * @param before the number of stored bytes before a chunk was sent; undefined for a query
 */
const problemOf = (step: { at: number } | Interrupted, before: number | undefined): CourierClientError | undefined => {
  if ('problem' in step) return step.problem;
  return before !== undefined && step.at <= before ? interrupted('Drive stored none of the bytes') : undefined;
};

/**
 * How many bytes Drive has after a step. Undefined after an interruption: the whole chunk may have arrived, a part of it, or
 * nothing.
 * @throws CourierClientError `upload-refused`
 */
const storedAfter = (
  step: { at: number } | Interrupted,
  { input: { size }, onBytes }: SessionUpload,
): number | undefined => {
  if ('problem' in step) return undefined;
  onBytes(step.at);
  if (step.at > size) {
    throw failure('upload-refused', { detail: 'Drive reports more bytes than the file has.' });
  }
  return step.at;
};

/** Waits before the next attempt. @throws the problem after too many failures in a row */
const waitToRetry = async (
  { retry, signal }: SessionUpload,
  failures: number,
  problem: CourierClientError,
): Promise<void> => {
  const waitMs = waitAfter(retry, failures, problem);
  if (waitMs === undefined) throw problem;
  await retry.sleep(waitMs, signal);
};

/**
 * Sends the bytes directly to Drive in chunks. After every error, queries how many bytes Drive has.
 * @throws CourierClientError `upload-interrupted` after too many failures in a row, `upload-refused`, `file-changed`
 */
export const putSession = async (upload: SessionUpload): Promise<SessionEnd> => {
  const { size } = upload.input;
  const { queryStored, putFrom } = createPut(upload);
  let at: number | undefined = upload.resumed || size === 0 ? undefined : 0;
  let failures = 0;
  for (;;) {
    const before = at;
    const step = await (at === undefined ? queryStored() : putFrom(at)).catch(asInterruption);
    if (typeof step === 'string') return step;
    at = storedAfter(step, upload);
    const problem = problemOf(step, before);
    if (problem !== undefined) {
      failures += 1;
      await waitToRetry(upload, failures, problem);
    } else if (before !== undefined) failures = 0;
  }
};
