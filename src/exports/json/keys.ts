import { createHash, type Hash, randomBytes } from 'node:crypto';
import { CourierError } from '../../errors.ts';

/** Longer keys are compared by their hash, so that the keys of an object never need more memory than the document. */
const MAX_KEPT_BYTES = 256;
/** Up to this many keys are searched in a list, which is faster than a set. */
const FEW_KEYS = 16;
/** The maximum number of keys in all open objects. Nothing else of a document is kept in memory while it is scanned. */
const MAX_OPEN_KEYS = 250_000;

/** Random, so that no caller can send a key that looks like a hash. */
const HASH_MARK = `sha256 ${randomBytes(16).toString('hex')} `;

/** Reads one key at a time, in pieces, and returns its identity: the key itself, or the hash of a long key. */
export class KeyReader {
  readonly #bytes = Buffer.alloc(MAX_KEPT_BYTES + 4);
  #length = 0;
  #hash: Hash | undefined;
  #isAscii = true;

  begin(): void {
    this.#length = 0;
    this.#hash = undefined;
    this.#isAscii = true;
  }

  plain(bytes: Uint8Array, from: number, to: number): void {
    if (this.#hash === undefined && this.#length + to - from > MAX_KEPT_BYTES) {
      this.#hash = createHash('sha256').update(this.#bytes.subarray(0, this.#length));
    }
    if (this.#hash !== undefined) {
      this.#hash.update(bytes.subarray(from, to));
      this.#length += to - from;
      return;
    }
    for (let at = from; at < to; at += 1) {
      const byte = bytes[at] ?? 0;
      if (byte > 127) this.#isAscii = false;
      this.#bytes[this.#length] = byte;
      this.#length += 1;
    }
  }

  escaped(codePoint: number): void {
    const bytes = Buffer.from(String.fromCodePoint(codePoint));
    this.plain(bytes, 0, bytes.byteLength);
  }

  /** The number of bytes of the key so far. */
  get length(): number {
    return this.#length;
  }

  end(): string {
    if (this.#hash !== undefined) return HASH_MARK + this.#hash.digest('base64');
    return this.#bytes.toString(this.#isAscii ? 'latin1' : 'utf8', 0, this.#length);
  }
}

/** True if a result of `KeyReader` is the key itself, and not a hash. */
export const isWholeKey = (key: string): boolean => !key.startsWith(HASH_MARK);

/** Errors do not quote the text of callers, except for the names of keys. */
const quoted = (key: string): string => {
  if (!isWholeKey(key)) return `of more than ${MAX_KEPT_BYTES} bytes`;
  return JSON.stringify(key.length > 60 ? `${key.slice(0, 60)}…` : key);
};

interface Frame {
  keys: string[];
  count: number;
  set: Set<string> | undefined;
}

/** Finds duplicate keys in an object, which I-JSON forbids (RFC 7493, 2.3). */
export class UniqueKeys {
  readonly #frames: Frame[] = [];
  #depth = 0;
  #open = 0;

  open(): void {
    const frame = this.#frames[this.#depth];
    if (frame === undefined) this.#frames.push({ keys: [], count: 0, set: undefined });
    else {
      frame.count = 0;
      frame.set = undefined;
    }
    this.#depth += 1;
  }

  close(): void {
    this.#depth -= 1;
    const frame = this.#frames[this.#depth];
    if (frame === undefined) return;
    this.#open -= frame.count;
    frame.set = undefined;
  }

  /** @throws CourierError `request-invalid` for a duplicate key, `too-large` for too many keys */
  add(key: string): void {
    const frame = this.#frames[this.#depth - 1];
    if (frame === undefined) return;
    if (this.#has(frame, key)) {
      throw new CourierError('request-invalid', { detail: `The key ${quoted(key)} is there twice in one object.` });
    }
    if (frame.count < FEW_KEYS) frame.keys[frame.count] = key;
    else {
      frame.set ??= new Set(frame.keys.slice(0, FEW_KEYS));
      frame.set.add(key);
    }
    frame.count += 1;
    this.#open += 1;
    if (this.#open > MAX_OPEN_KEYS) {
      throw new CourierError('too-large', {
        detail: `The document has objects with more than ${MAX_OPEN_KEYS} keys.`,
        remedy: 'Send it as a file to POST /v1/files, or from Cloud Storage as {"gcs": "gs://…"}.',
      });
    }
  }

  #has({ keys, count, set }: Frame, key: string): boolean {
    if (set !== undefined) return set.has(key);
    for (let n = 0; n < count && n < FEW_KEYS; n += 1) if (keys[n] === key) return true;
    return false;
  }
}
