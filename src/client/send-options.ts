import { randomUUID } from 'node:crypto';
import type { DeliveryOptions } from '../domain.ts';
import { readStoredType } from '../text/media-type.ts';
import { mediaTypeByName } from '../text/media-type-by-name.ts';
import { failure } from './errors.ts';

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

const usage = (detail: string) => failure('usage', { detail });

/** @throws CourierClientError `usage` for a key that no courier takes */
export const usableKey = (key: string | undefined): string | undefined => {
  if (key !== undefined && !/^[\x21-\x7e]{1,255}$/.test(key)) {
    throw usage('An Idempotency-Key has 1 to 255 visible ASCII characters.');
  }
  return key;
};

/** On its way into a URL a lone surrogate would become another character without a word. */
const refuseIllFormed = (options: Readonly<Record<string, unknown>>): void => {
  for (const [option, value] of Object.entries(options)) {
    if (typeof value === 'string' && !value.isWellFormed()) {
      throw usage(`${option} is not well-formed Unicode (a lone surrogate).`);
    }
  }
};

/** @throws CourierClientError `usage` for what cannot stand in a header, or would change how the body is read */
const usableType = (mimeType: string): string => {
  if (!/^[\x20-\x7e]+$/.test(mimeType)) throw usage('A media type has visible ASCII characters only.');
  const stored = readStoredType(mimeType);
  if ('fault' in stored) throw usage(`The media type ${JSON.stringify(mimeType)} ${stored.fault}.`);
  return stored.type;
};

/** @throws CourierClientError `usage` */
export const settleOptions = (options: SendOptions, suggestedName: string | undefined): SettledOptions => {
  const name = options.name ?? suggestedName;
  if (name === undefined || name === '') throw usage('What is sent has no name of its own: give one (--name).');
  const { destination, path, description } = options;
  refuseIllFormed({ name, destination, path, description });
  const idempotencyKey = usableKey(options.idempotencyKey);
  return {
    ...options,
    name,
    mimeType: usableType(options.mimeType ?? mediaTypeByName(name)),
    idempotencyKey: idempotencyKey ?? randomUUID(),
    keyIsOwn: idempotencyKey !== undefined,
  };
};
