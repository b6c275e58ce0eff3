import { CourierError } from '../errors.ts';

/** UTF-8 bytes of JSON; well below Firestore's 1 MiB a document. */
const MAX_RECORD_BYTES = 102_400;

/** A record as it is stored: JSON text, so that every ledger keeps a copy of its own and takes any shape. */
export const encodeRecord = (record: unknown): string | undefined => {
  if (record === undefined) return undefined;
  const text = JSON.stringify(record);
  if (Buffer.byteLength(text) > MAX_RECORD_BYTES) {
    throw new CourierError('internal', { cause: new Error(`a ledger record has more than ${MAX_RECORD_BYTES} bytes`) });
  }
  return text;
};

/** The entry's `record` property; none at all when nothing was recorded. */
export const decodeRecord = (text: string | undefined): { record?: unknown } =>
  text === undefined ? {} : { record: JSON.parse(text) };

/** A claim that has expired, or was never made, takes no record; the same delivery tried again makes a new one. */
export const noClaim = (cause?: unknown): CourierError =>
  new CourierError('google-unavailable', { cause: new Error('nothing is claimed under this key', { cause }) });
