import type { Receipt } from '../domain.ts';
import type { CallCourier } from './api.ts';
import { CourierClientError, failure, orStopped, withKey } from './errors.ts';
import type { Exchange } from './http.ts';
import type { Seekable } from './input.ts';
import { putSession } from './put-session.ts';
import type { Retry } from './retry.ts';
import { createRunningDigest } from './running-digest.ts';
import { receiptSchema, uploadSchema } from './schemas.ts';
import type { SettledOptions } from './send-options.ts';
import type { KeptSession, SessionStore } from './session-store.ts';

export interface DirectDependencies {
  call: CallCourier;
  exchange: Exchange;
  retry: Retry;
  store: SessionStore;
  /** The courier's address, which is part of what makes a kept session this one. */
  url: string;
  chunkBytes: number;
}

/** How many sessions one delivery may use up; the courier opens another under the same key once it has seen that one is dead. */
const ROUNDS = 4;

const openSession = ({ call }: DirectDependencies, input: Seekable, options: SettledOptions, key: string) => {
  const { signal, idempotencyKey: _, convertTo: __, ...rest } = options;
  const { destination, name, mimeType, path, onConflict, description } = rest;
  const wish = { destination, name, mimeType, size: input.size, path, onConflict, description };
  return call({
    method: 'POST',
    path: '/v1/uploads',
    headers: { 'content-type': 'application/json', 'idempotency-key': key },
    body: () => Buffer.from(JSON.stringify(wish)),
    answer: uploadSchema,
    signal,
  });
};

const complete = ({ call }: DirectDependencies, id: string, sha256: string, signal: AbortSignal | undefined) =>
  call({
    method: 'POST',
    path: `/v1/uploads/${encodeURIComponent(id)}/complete`,
    headers: { 'content-type': 'application/json' },
    body: () => Buffer.from(JSON.stringify({ sha256 })),
    answer: receiptSchema,
    signal,
  });

/**
 * What a kept session belongs to: this state of this file, to be sent to this place.
 * @param ownKey the key, where it is the caller's own
 */
const identityOf = (
  { url }: DirectDependencies,
  input: Seekable,
  options: SettledOptions,
  ownKey: string | null,
): string | undefined => {
  const { destination, name, mimeType, path, onConflict, description } = options;
  return input.identity === undefined
    ? undefined
    : JSON.stringify([input.identity, url, ownKey, destination, name, mimeType, path, onConflict, description]);
};

/** The session that an earlier run has left, and where this one keeps its own. */
const keptOf = async (
  dependencies: DirectDependencies,
  input: Seekable,
  options: SettledOptions,
): Promise<{ identity: string | undefined; kept: KeptSession | undefined }> => {
  const { idempotencyKey, keyIsOwn } = options;
  const { store } = dependencies;
  const keyless = identityOf(dependencies, input, options, null);
  if (keyless === undefined) return { identity: undefined, kept: undefined };
  const kept = await store.read(keyless);
  // A key that is given may be the one that a run without any was cut with, and named.
  if (!keyIsOwn || kept?.key === idempotencyKey) return { identity: keyless, kept };
  const identity = identityOf(dependencies, input, options, idempotencyKey);
  return { identity, kept: identity === undefined ? undefined : await store.read(identity) };
};

/**
 * A file past the platform's request limit: the courier opens a session, the bytes go straight to Drive, the courier checks
 * what arrived. Cut at any point, the same call goes on where Drive has it.
 * @throws CourierClientError
 */
export const sendDirect = async (
  dependencies: DirectDependencies,
  input: Seekable,
  options: SettledOptions,
): Promise<Receipt> => {
  const { store, exchange, retry, chunkBytes } = dependencies;
  const { signal, onProgress } = options;
  const { identity, kept: found } = await keptOf(dependencies, input, options);
  let kept = found;
  const key = kept?.key ?? options.idempotencyKey;

  const forget = async (): Promise<void> => {
    if (identity !== undefined) await store.forget(identity);
  };
  const begin = async (round: number): Promise<KeptSession> => {
    const upload = await openSession(dependencies, input, options, key);
    const session = { key, round, upload };
    if (identity !== undefined) await store.keep(identity, session);
    return session;
  };

  const digest = createRunningDigest(input);
  const sendOnce = async (round: number): Promise<Receipt | 'over'> => {
    const session: KeptSession = kept ?? (await begin(round));
    const end = await putSession({
      input,
      uploadUrl: session.upload.uploadUrl,
      chunkBytes,
      digest,
      exchange,
      retry,
      // A key of the caller's own may name a session that an earlier run has filled in part.
      resumed: kept !== undefined || options.keyIsOwn,
      onBytes: (sentBytes) => onProgress?.({ sentBytes, totalBytes: input.size }),
      signal,
    });
    kept = undefined;
    await input.assertUnchanged();
    try {
      return await complete(dependencies, session.upload.id, await digest.finish(), signal);
    } catch (error) {
      // Drive forgets a session some time after it ended well, too: only the courier can tell which it was.
      if (end === 'gone' && error instanceof CourierClientError && error.code === 'upload-incomplete') return 'over';
      throw error;
    }
  };

  try {
    for (let round = kept?.round ?? 1; round <= ROUNDS; round++) {
      const receipt = await sendOnce(round);
      if (receipt === 'over') continue;
      await forget();
      return receipt;
    }
    throw failure('upload-refused', { detail: `Drive dropped ${ROUNDS} upload sessions in a row.` });
  } catch (error) {
    if (error instanceof CourierClientError && !error.retryable) await forget();
    // A kept session has the key of the run that opened it.
    throw withKey(orStopped(error, signal), key);
  }
};
