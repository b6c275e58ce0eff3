import type { Receipt } from '../../domain.ts';
import { CourierClientError, failure, orStopped, withKey } from '../errors.ts';
import type { CallCourier } from '../http/api.ts';
import type { Exchange } from '../http/http.ts';
import type { Retry } from '../http/retry.ts';
import { receiptSchema, uploadSchema } from '../schemas.ts';
import type { Seekable } from './input.ts';
import { putSession } from './put-session.ts';
import { createRunningDigest } from './running-digest.ts';
import { detailsOf, type ResolvedOptions } from './send-options.ts';
import type { SessionStore, StoredSession } from './session-store.ts';

export interface SessionDependencies {
  call: CallCourier;
  exchange: Exchange;
  retry: Retry;
  store: SessionStore;
  /** The courier's URL. A stored session belongs to one courier. */
  url: string;
  chunkBytes: number;
}

/** Maximum of sessions for one delivery. The courier opens another one for the same key after the last one has ended. */
const MAX_ROUNDS = 4;

const openSession = ({ call }: SessionDependencies, input: Seekable, options: ResolvedOptions, key: string) => {
  const { signal, idempotencyKey: _, convertTo: __, ...rest } = options;
  const { destination, name, mimeType, path, onConflict } = rest;
  const request = { destination, name, mimeType, size: input.size, path, onConflict, ...detailsOf(options) };
  return call({
    method: 'POST',
    path: '/v1/uploads',
    headers: { 'content-type': 'application/json', 'idempotency-key': key },
    body: () => Buffer.from(JSON.stringify(request)),
    answer: uploadSchema,
    signal,
  });
};

const complete = ({ call }: SessionDependencies, id: string, sha256: string, signal: AbortSignal | undefined) =>
  call({
    method: 'POST',
    path: `/v1/uploads/${encodeURIComponent(id)}/complete`,
    headers: { 'content-type': 'application/json' },
    body: () => Buffer.from(JSON.stringify({ sha256 })),
    answer: receiptSchema,
    signal,
  });

/**
 * What a stored session belongs to: one state of one file, sent to one destination.
 * @param givenKey the idempotency key if the caller gave it, else null
 */
const identityOf = async (
  { url }: SessionDependencies,
  input: Seekable,
  options: ResolvedOptions,
  givenKey: string | null,
): Promise<string | undefined> => {
  const { destination, name, mimeType, path, onConflict } = options;
  const { description, ...rest } = detailsOf(options);
  const identity = await input.identity();
  // The session of an earlier version, which had no other details, is found again.
  const further = Object.values(rest).some((value) => value !== undefined) ? [rest] : [];
  const parts = [identity, url, givenKey, destination, name, mimeType, path, onConflict, description, ...further];
  return identity === undefined ? undefined : JSON.stringify(parts);
};

/** The session that an earlier run left, and the identity under which this run stores its own. */
const findStored = async (
  dependencies: SessionDependencies,
  input: Seekable,
  options: ResolvedOptions,
): Promise<{ identity: string | undefined; stored: StoredSession | undefined }> => {
  const { idempotencyKey, hasGivenKey } = options;
  const { store } = dependencies;
  const keylessIdentity = await identityOf(dependencies, input, options, null);
  if (keylessIdentity === undefined) return { identity: undefined, stored: undefined };
  const stored = await store.read(keylessIdentity);
  // The given key may be the one that an interrupted run without a key printed.
  if (!hasGivenKey || stored?.key === idempotencyKey) return { identity: keylessIdentity, stored };
  const identity = await identityOf(dependencies, input, options, idempotencyKey);
  return { identity, stored: identity === undefined ? undefined : await store.read(identity) };
};

/**
 * Sends a file larger than the platform's request limit: the courier opens an upload session, the bytes go directly to Drive,
 * and the courier verifies them. After an interruption the same call resumes where Drive stopped.
 * @throws CourierClientError
 */
export const sendBySession = async (
  dependencies: SessionDependencies,
  input: Seekable,
  options: ResolvedOptions,
): Promise<Receipt> => {
  const { store, exchange, retry, chunkBytes } = dependencies;
  const { signal, onProgress } = options;
  const { identity, stored: found } = await findStored(dependencies, input, options);
  let stored = found;
  const key = stored?.key ?? options.idempotencyKey;

  const removeStored = async (): Promise<void> => {
    if (identity !== undefined) await store.remove(identity);
  };
  const open = async (round: number): Promise<StoredSession> => {
    const upload = await openSession(dependencies, input, options, key);
    const session = { key, round, upload };
    if (identity !== undefined) await store.save(identity, session);
    return session;
  };

  const digest = createRunningDigest(input);
  const sendOnce = async (round: number): Promise<Receipt | 'lost'> => {
    const session: StoredSession = stored ?? (await open(round));
    const end = await putSession({
      input,
      uploadUrl: session.upload.uploadUrl,
      chunkBytes,
      digest,
      exchange,
      retry,
      // With a given key, an earlier run may have sent a part to the same session.
      resumed: stored !== undefined || options.hasGivenKey,
      onBytes: (sentBytes) => onProgress?.({ sentBytes, totalBytes: input.size }),
      signal,
    });
    stored = undefined;
    await input.assertUnchanged();
    try {
      return await complete(dependencies, session.upload.id, await digest.finish(), signal);
    } catch (error) {
      // Drive also forgets a session some time after it succeeded. Only the courier can tell the two apart.
      if (end === 'lost' && error instanceof CourierClientError && error.code === 'upload-incomplete') return 'lost';
      throw error;
    }
  };

  try {
    for (let round = stored?.round ?? 1; round <= MAX_ROUNDS; round++) {
      const receipt = await sendOnce(round);
      if (receipt === 'lost') continue;
      await removeStored();
      return receipt;
    }
    throw failure('upload-refused', { detail: `Drive lost ${MAX_ROUNDS} upload sessions in a row.` });
  } catch (error) {
    if (error instanceof CourierClientError && !error.retryable) await removeStored();
    // A stored session has the key of the run that opened it.
    throw withKey(orStopped(error, signal), key);
  }
};
