import { createHash } from 'node:crypto';
import type { Receipt } from '../../domain.ts';
import { failure } from '../errors.ts';
import type { CallCourier } from '../http/api.ts';
import { receiptSchema } from '../schemas.ts';
import { sha256Of } from '../sha256.ts';
import type { Seekable } from './input.ts';
import { detailsOf, type ResolvedOptions, rowOptionsOf } from './send-options.ts';

const queryOf = (options: ResolvedOptions): Record<string, string | undefined> => {
  const { destination, name, path, onConflict, convertTo } = options;
  const { properties, keepRevisionForever, ...details } = detailsOf(options);
  return {
    ...{ destination, name, path, onConflict, convertTo, ...rowOptionsOf(options), ...details },
    properties: properties && JSON.stringify(properties),
    keepRevisionForever: keepRevisionForever?.toString(),
  };
};

const post = (call: CallCourier, options: ResolvedOptions, headers: Record<string, string>, rest: object) =>
  call({
    method: 'POST',
    path: '/v1/files',
    query: queryOf(options),
    headers: { 'content-type': options.mimeType, 'idempotency-key': options.idempotencyKey, ...headers },
    answer: receiptSchema,
    signal: options.signal,
    ...rest,
  });

/** A receipt for other bytes than those sent is an error. The receipt of a skipped file describes the existing file. */
const checked = (receipt: Receipt, sha256: string): Receipt => {
  if (receipt.outcome !== 'skipped' && receipt.sha256 !== null && receipt.sha256 !== sha256) {
    throw failure('receipt-mismatch', { detail: `sent ${sha256}, receipt has ${receipt.sha256}` });
  }
  return receipt;
};

/** Reads the whole file. @throws CourierClientError `file-changed` */
export const readWhole = async (input: Seekable): Promise<NonNullable<Seekable['whole']>> => {
  const parts: Uint8Array[] = [];
  for await (const part of input.read(0, input.size)) parts.push(part);
  await input.assertUnchanged();
  const bytes = Buffer.concat(parts);
  return { bytes, sha256: sha256Of(bytes) };
};

/** Sends the whole file in one request with its digest. Retries use the same idempotency key. */
export const sendWhole = async (call: CallCourier, input: Seekable, options: ResolvedOptions): Promise<Receipt> => {
  const { bytes, sha256 } = input.whole ?? (await readWhole(input));
  const headers = { 'content-digest': `sha-256=:${sha256.toString('base64')}:` };
  const receipt = await post(call, options, headers, { body: () => bytes });
  options.onProgress?.({ sentBytes: input.size, totalBytes: input.size });
  return checked(receipt, sha256.toString('hex'));
};

/**
 * Streams any number of bytes through the courier.
 * @param source `open` is called for each attempt; with `once`, there is only one attempt
 */
export const sendStreaming = async (
  call: CallCourier,
  source: { open: () => AsyncIterable<Uint8Array>; size?: number; once: boolean },
  options: ResolvedOptions,
): Promise<Receipt> => {
  const { open, size, once } = source;
  let hash = createHash('sha256');
  async function* hashed(): AsyncIterable<Uint8Array> {
    hash = createHash('sha256');
    let sentBytes = 0;
    for await (const bytes of open()) {
      hash.update(bytes);
      sentBytes += bytes.byteLength;
      options.onProgress?.({ sentBytes, totalBytes: size });
      yield bytes;
    }
  }
  const headers = size === undefined ? {} : { 'content-length': String(size) };
  const receipt = await post(call, options, headers, { body: hashed, once });
  return receipt.outcome === 'skipped' ? receipt : checked(receipt, hash.digest('hex'));
};

/**
 * Asks for the receipt of an existing file without sending its bytes: an empty body with the digest of the real ones. If the
 * file does not exist after all, the digest does not match and nothing is stored.
 */
export const requestSkippedReceipt = (
  call: CallCourier,
  sha256: string,
  options: ResolvedOptions,
): Promise<Receipt> => {
  const digest = Buffer.from(sha256, 'hex').toString('base64');
  const { idempotencyKey } = options;
  return post(
    call,
    {
      ...options,
      onConflict: 'skip',
      idempotencyKey: createHash('sha256').update(`${idempotencyKey}\nskip`).digest('hex'),
    },
    { 'content-digest': `sha-256=:${digest}:` },
    { body: () => new Uint8Array() },
  );
};
