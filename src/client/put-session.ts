import { z } from 'zod';
import { CourierClientError, failure } from './errors.ts';
import { type Exchange, faultOf, type HttpAnswer } from './http.ts';
import type { Seekable } from './input.ts';
import { type Retry, waitAfter } from './retry.ts';
import type { RunningDigest } from './running-digest.ts';

export interface SessionUpload {
  input: Seekable;
  /** A secret: whoever has it may write the file. It needs no token. */
  uploadUrl: string;
  /** A multiple of 256 KiB. */
  chunkBytes: number;
  digest: RunningDigest;
  exchange: Exchange;
  retry: Retry;
  /** True when the session was opened before: it is asked first how much it has. */
  resumed: boolean;
  /** Bytes that Drive has, or that are on their way. */
  onBytes(sent: number): void;
  signal?: AbortSignal | undefined;
  /** An exchange in which nothing moves for so long, in either direction, is given up and the session asked; default 120 000. */
  idleMs?: number;
}

/** Not for a chunk as a whole: on a slow line that takes as long as it takes. */
const IDLE_MS = 120_000;

/** `gone`: Drive does not know the session (any more), which is also how it looks some time after it ended well. */
export type SessionEnd = 'stored' | 'gone';

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

const interrupted = (detail: string, cause?: unknown, retryAfterSeconds?: number): CourierClientError =>
  failure('upload-interrupted', { detail, cause, retryAfterSeconds });

/**
 * What an answer of the session says, by https://developers.google.com/workspace/drive/api/guides/manage-uploads#resumable:
 * 308 with the Range that was stored (none: nothing was), 2xx when all of it was, 404 or 410 when the session is over;
 * 5xx and rate limits are asked again, any other 4xx means starting over.
 * @throws CourierClientError `upload-interrupted` when it is to be asked again, `upload-refused` when starting over cannot help
 */
const stepOf = (answer: HttpAnswer): Step => {
  const { status, headers, text } = answer;
  if (status === 308) {
    if (headers.range === undefined) return { at: 0 };
    const [, last] = /^\s*(?:bytes(?:\s*=\s*|\s+))?0-(\d{1,15})\s*$/i.exec(headers.range) ?? [];
    if (last === undefined) throw interrupted('Drive does not say in a readable way how many bytes it has stored');
    return { at: Number(last) + 1 };
  }
  if (status >= 200 && status < 300) return 'stored';
  const reasons = reasonsIn(text);
  const isRateLimit = status === 403 && reasons.some((reason) => RATE_REASONS.has(reason));
  if (status >= 500 || status === 429 || status === 408 || isRateLimit) {
    const after = Number(headers['retry-after']);
    throw interrupted(`Drive answered HTTP ${status}`, undefined, Number.isFinite(after) ? after : undefined);
  }
  if (status === 403) throw failure('upload-refused', { detail: `Drive: ${reasons.join(', ') || 'HTTP 403'}`, status });
  return 'gone';
};

async function* passing(
  { input, digest, onBytes }: SessionUpload,
  start: number,
  end: number,
): AsyncIterable<Uint8Array> {
  await digest.catchUp(start);
  let at = start;
  for await (const bytes of input.read(start, end)) {
    digest.pass(at, bytes);
    at += bytes.byteLength;
    onBytes(at);
    yield bytes;
  }
}

/**
 * PUTs the bytes straight to Drive. What Drive says it has is all that counts: after every doubt it is asked.
 * @throws CourierClientError `upload-interrupted` after too many failures in a row, `upload-refused`, `file-changed`
 */
export const putSession = async (upload: SessionUpload): Promise<SessionEnd> => {
  const { input, uploadUrl, chunkBytes, exchange, retry, onBytes, signal, idleMs = IDLE_MS } = upload;
  const { size } = input;

  const put = async (headers: Record<string, string>, body: Uint8Array | AsyncIterable<Uint8Array>): Promise<Step> => {
    const request = { method: 'PUT', url: uploadUrl, headers, body, signal, idleMs };
    const answer = await exchange(request).catch((error: unknown) => {
      if (signal?.aborted || error instanceof CourierClientError) throw error;
      throw interrupted(`Drive: ${faultOf(error)}`, error);
    });
    return stepOf(answer);
  };
  const askWhatIsThere = () => put({ 'content-range': `bytes */${size}` }, new Uint8Array());
  const putFrom = async (at: number): Promise<Step> => {
    await input.assertUnchanged();
    const end = Math.min(size, at + chunkBytes);
    const headers = { 'content-length': String(end - at), 'content-range': `bytes ${at}-${end - 1}/${size}` };
    return put(headers, passing(upload, at, end));
  };

  let at: number | undefined = upload.resumed || size === 0 ? undefined : 0;
  let failures = 0;
  for (;;) {
    const before = at;
    let problem: CourierClientError | undefined;
    try {
      const step: Step = at === undefined ? await askWhatIsThere() : await putFrom(at);
      if (typeof step === 'string') return step;
      at = step.at;
      onBytes(at);
      if (at > size) throw failure('upload-refused', { detail: 'Drive says it has more bytes than the file.' });
      if (before === undefined) continue;
      if (at > before) failures = 0;
      else problem = interrupted('Drive stores nothing of what it is sent');
    } catch (error) {
      if (!(error instanceof CourierClientError) || error.code !== 'upload-interrupted') throw error;
      problem = error;
      // Some of the chunk may have arrived, all of it, or nothing.
      at = undefined;
    }
    if (problem === undefined) continue;
    failures += 1;
    const waitMs = waitAfter(retry, failures, problem);
    if (waitMs === undefined) throw problem;
    await retry.sleep(waitMs, signal);
  }
};
