import { CourierError } from '../errors.ts';

/** UTF-8 bytes of JSON, well below Firestore's limit of 1 MiB per document. */
const MAX_RECORD_BYTES = 102_400;

/** A record as it is stored: JSON text, so that every ledger keeps its own copy and accepts any shape. */
export const encodeRecord = (record: unknown): string | undefined => {
  if (record === undefined) return undefined;
  const text = JSON.stringify(record);
  if (Buffer.byteLength(text) > MAX_RECORD_BYTES) {
    throw new CourierError('internal', { cause: new Error(`a ledger record has more than ${MAX_RECORD_BYTES} bytes`) });
  }
  return text;
};

/** The entry's `record` property, which is absent when nothing was recorded. */
export const decodeRecord = (text: string | undefined): { record?: unknown } =>
  text === undefined ? {} : { record: JSON.parse(text) };

/** A record for a claim that has expired or does not exist. A retry of the delivery makes a new claim. */
export const noClaim = (cause?: unknown): CourierError =>
  new CourierError('google-unavailable', { cause: new Error('this key has no claim', { cause }) });
