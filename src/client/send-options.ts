import { randomUUID } from 'node:crypto';
import type { DeliveryOptions } from '../delivery.ts';
import { failure } from './errors.ts';
import { mediaTypeOf } from './media-type.ts';

export interface SendProgress {
  sentBytes: number;
  /** Undefined for a stream. */
  totalBytes: number | undefined;
}

export interface SendOptions extends Partial<DeliveryOptions> {
  /** Default: what the name suggests. */
  mimeType?: string;
  /** 1 to 255 visible ASCII characters; made anew for each call unless given. */
  idempotencyKey?: string;
  onProgress?: (progress: SendProgress) => void;
  signal?: AbortSignal;
}

/** The options with everything filled in that the client decides. */
export interface SettledOptions extends Omit<SendOptions, 'name' | 'mimeType' | 'idempotencyKey'> {
  name: string;
  mimeType: string;
  idempotencyKey: string;
  /** True when the caller gave the key. */
  keyIsOwn: boolean;
}

/** @throws CourierClientError `usage` */
export const settleOptions = (options: SendOptions, suggestedName: string | undefined): SettledOptions => {
  const name = options.name ?? suggestedName;
  if (name === undefined || name === '')
    throw failure('usage', { detail: 'What is sent has no name of its own: give one (--name).' });
  const { idempotencyKey } = options;
  if (idempotencyKey !== undefined && !/^[\x21-\x7e]{1,255}$/.test(idempotencyKey)) {
    throw failure('usage', { detail: 'An Idempotency-Key has 1 to 255 visible ASCII characters.' });
  }
  return {
    ...options,
    name,
    mimeType: options.mimeType ?? mediaTypeOf(name),
    idempotencyKey: idempotencyKey ?? randomUUID(),
    keyIsOwn: idempotencyKey !== undefined,
  };
};
