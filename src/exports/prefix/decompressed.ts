import { CourierError } from '../../errors.ts';
import { gunzipped } from '../bytes/gunzip.ts';
import type { ObjectSource } from '../sources/cloud-storage.ts';

/** The first two bytes of gzip (RFC 1952 section 2.3.1). No text in UTF-8 begins with them. */
const GZIP_MARK = Buffer.of(0x1f, 0x8b);

/** Jobs that have nothing to write leave objects without bytes, which are no gzip either. */
const isCompressed = ({ name, suffix, size }: ObjectSource): boolean =>
  size !== 0 && (suffix === '.gz' || name.toLowerCase().endsWith('.gz'));

/** @throws CourierError `request-invalid` for damaged gzip */
async function* inflated(bytes: AsyncIterable<Uint8Array>, label: string): AsyncGenerator<Uint8Array> {
  try {
    yield* gunzipped(bytes);
  } catch (cause) {
    if (cause instanceof CourierError) throw cause;
    throw new CourierError('request-invalid', { detail: `${label} is not complete gzip.`, reason: 'gzip', cause });
  }
}

/** Inflates bytes that begin with the mark of gzip, and passes on others. */
async function* inflatedIfMarked(bytes: AsyncIterable<Uint8Array>, label: string): AsyncGenerator<Uint8Array> {
  const reader = bytes[Symbol.asyncIterator]();
  let head = Buffer.alloc(0);
  async function* whole(): AsyncGenerator<Uint8Array> {
    if (head.byteLength > 0) yield head;
    yield* { [Symbol.asyncIterator]: () => reader };
  }
  while (head.byteLength < GZIP_MARK.byteLength) {
    const { done, value } = await reader.next();
    if (done === true) break;
    head = Buffer.concat([head, value]);
  }
  const isMarked = head.subarray(0, GZIP_MARK.byteLength).equals(GZIP_MARK);
  // If the caller stops early, both close the bytes. Decompression does not wait for that: the next bytes may never come.
  yield* isMarked ? inflated(whole(), label) : whole();
}

/**
 * The bytes of an object without gzip. CSV is inflated by its content, too: BigQuery does not require that the names of
 * compressed exports end with `.gz`, and an object may be compressed twice, by a program and by its upload.
 * @throws CourierError `request-invalid` for another Content-Encoding, and while reading for damaged gzip
 */
export const decompressed = (source: ObjectSource, label: string, join: 'csv' | 'bytes'): AsyncIterable<Uint8Array> => {
  const { suffix } = source;
  if (suffix !== undefined && suffix !== '.gz') {
    throw new CourierError('request-invalid', {
      detail: `${label} has a Content-Encoding other than gzip, which cannot be decoded.`,
      reason: 'encoding',
      remedy: 'Store the objects uncompressed or as gzip. Without "join", they are delivered unchanged.',
    });
  }
  const bytes = isCompressed(source) ? inflated(source.open(), label) : source.open();
  return join === 'csv' ? inflatedIfMarked(bytes, label) : bytes;
};
