import { createHash } from 'node:crypto';
import type { Receipt } from '../domain.ts';
import type { CallCourier } from './api.ts';
import { failure } from './errors.ts';
import type { Seekable } from './input.ts';
import { receiptSchema } from './schemas.ts';
import type { SettledOptions } from './send-options.ts';

const queryOf = ({ destination, name, path, onConflict, convertTo, description }: SettledOptions) => ({
  destination,
  name,
  path,
  onConflict,
  convertTo,
  description,
});

const post = (call: CallCourier, options: SettledOptions, headers: Record<string, string>, rest: object) =>
  call({
    method: 'POST',
    path: '/v1/files',
    query: queryOf(options),
    headers: { 'content-type': options.mimeType, 'idempotency-key': options.idempotencyKey, ...headers },
    answer: receiptSchema,
    signal: options.signal,
    ...rest,
  });

/** A receipt for other bytes than those that went out must never pass for a delivery. A skipped file is the one that was there. */
const checked = (receipt: Receipt, sha256: string): Receipt => {
  if (receipt.outcome !== 'skipped' && receipt.sha256 !== null && receipt.sha256 !== sha256) {
    throw failure('receipt-mismatch', { detail: `sent ${sha256}, receipt says ${receipt.sha256}` });
  }
  return receipt;
};

/** The whole file in one request, with its digest; cut or refused for now, it is sent again with the same key. */
export const sendWhole = async (call: CallCourier, input: Seekable, options: SettledOptions): Promise<Receipt> => {
  const parts: Uint8Array[] = [];
  for await (const part of input.read(0, input.size)) parts.push(part);
  await input.assertUnchanged();
  const bytes = Buffer.concat(parts);
  const sha256 = createHash('sha256').update(bytes).digest();
  const headers = { 'content-digest': `sha-256=:${sha256.toString('base64')}:` };
  const receipt = await post(call, options, headers, { body: () => bytes });
  options.onProgress?.({ sentBytes: input.size, totalBytes: input.size });
  return checked(receipt, sha256.toString('hex'));
};

/** Any number of bytes through the courier. `open` is called for each try; bytes that can be had only once are tried once. */
export const sendStreaming = async (
  call: CallCourier,
  { open, size, once }: { open: () => AsyncIterable<Uint8Array>; size?: number; once: boolean },
  options: SettledOptions,
): Promise<Receipt> => {
  let hash = createHash('sha256');
  async function* passing(): AsyncIterable<Uint8Array> {
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
  const receipt = await post(call, options, headers, { body: passing, once });
  return receipt.outcome === 'skipped' ? receipt : checked(receipt, hash.digest('hex'));
};

/** Answered by the receipt of the file that is there, if there is one: bytes that cannot have this digest are never stored. */
export const askForSkipped = (call: CallCourier, sha256: string, options: SettledOptions): Promise<Receipt> => {
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
