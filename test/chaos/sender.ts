import { setTimeout as sleep } from 'node:timers/promises';
import type { Receipt } from '../../src/domain.ts';
import type { Upload } from './loads/uploads.ts';

/** How an upload ended: with a receipt or a permanent error. */
export type Ended = { upload: Upload; tries: number } & (
  | { kind: 'delivered'; receipt: Receipt; requestId: string }
  | { kind: 'refused'; why: string }
);

interface SenderOptions {
  /** Where to send the next attempt. */
  courierUrl(): string;
  token: string;
  /** A sender stops after this many attempts. */
  maxTries: number;
  signal: AbortSignal;
}

interface Answer {
  status: number;
  body: Receipt & { code?: string; retryable?: boolean };
  requestId: string;
  retryAfterMs: number;
}

/** `Retry-After` is meant for real outages. Waiting for it here would show nothing. */
const MAX_WAIT_MS = 700;

const inPieces = async function* (bytes: Buffer): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += 50_000) yield bytes.subarray(at, at + 50_000);
};

/** One attempt over a socket; undefined if the connection broke. */
const tryOnce = async (upload: Upload, { courierUrl, token, signal }: SenderOptions): Promise<Answer | undefined> => {
  const { name, path, version } = upload;
  const query = new URLSearchParams({ name, path, ...(version === 0 ? {} : { onConflict: 'replace' }) });
  const bytes = upload.bytes();
  const init = {
    method: 'POST',
    headers: {
      authorization: `Bearer ${token}`,
      'content-type': 'application/octet-stream',
      'idempotency-key': upload.key,
    },
    body: upload.isStreamed ? ReadableStream.from(inPieces(bytes)) : bytes,
    duplex: 'half',
    signal,
  };
  try {
    const response = await fetch(`${courierUrl()}/v1/files?${query}`, init as RequestInit);
    const body = (await response.json()) as Answer['body'];
    const requestId = response.headers.get('x-request-id') ?? '';
    const retryAfterMs = 1_000 * Number(response.headers.get('retry-after') ?? 0);
    return { status: response.status, body, requestId, retryAfterMs };
  } catch (error) {
    if (signal.aborted) throw error;
    return undefined;
  }
};

/** Sends until the response is final, as a patient caller does. */
export const deliver = async (upload: Upload, options: SenderOptions): Promise<Ended> => {
  let why = 'no answer';
  for (let tries = 1; tries <= options.maxTries; tries++) {
    const answer = await tryOnce(upload, options);
    if (answer !== undefined) {
      const { status, body, requestId } = answer;
      if (status < 300) return { kind: 'delivered', receipt: body, requestId, upload, tries };
      why = body.code ?? String(status);
      if (!body.retryable) return { kind: 'refused', why, upload, tries };
    }
    await sleep(Math.min(MAX_WAIT_MS, Math.max(100, answer?.retryAfterMs ?? 0)), undefined, {
      signal: options.signal,
    });
  }
  return { kind: 'refused', why: `given up: ${why}`, upload, tries: options.maxTries };
};

/** Processes all items, with this many in parallel. */
export const forEachAtOnce = async <Item>(
  items: readonly Item[],
  atOnce: number,
  work: (item: Item) => Promise<void>,
): Promise<void> => {
  const queue = items.values();
  const worker = async (): Promise<void> => {
    for (const item of queue) await work(item);
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
};
