/** A target for bytes of UTF-8. */
export interface ByteSink {
  byte(byte: number): void;
  bytes(bytes: Uint8Array, from: number, to: number): void;
  char(codePoint: number): void;
}

/** Up to this many bytes are copied in a loop, which is faster than `Buffer.set`. */
const FEW_BYTES = 32;

/** Collects bytes in one buffer, which is reused after `take`. */
export class ByteWriter implements ByteSink {
  #buffer: Buffer;
  #used = 0;

  constructor(bytes = 131_072) {
    this.#buffer = Buffer.allocUnsafeSlow(bytes);
  }

  /** The number of bytes that have been written since the last `take`. */
  get size(): number {
    return this.#used;
  }

  byte(byte: number): void {
    if (this.#used === this.#buffer.byteLength) this.#grow(1);
    this.#buffer[this.#used] = byte;
    this.#used += 1;
  }

  bytes(bytes: Uint8Array, from: number, to: number): void {
    const count = to - from;
    if (this.#used + count > this.#buffer.byteLength) this.#grow(count);
    if (count > FEW_BYTES) this.#buffer.set(bytes.subarray(from, to), this.#used);
    else for (let n = 0; n < count; n += 1) this.#buffer[this.#used + n] = bytes[from + n] ?? 0;
    this.#used += count;
  }

  char(codePoint: number): void {
    if (codePoint < 0x80) {
      this.byte(codePoint);
      return;
    }
    if (codePoint < 0x800) this.byte(0xc0 | (codePoint >> 6));
    else {
      if (codePoint < 0x10000) this.byte(0xe0 | (codePoint >> 12));
      else {
        this.byte(0xf0 | (codePoint >> 18));
        this.byte(0x80 | ((codePoint >> 12) & 0x3f));
      }
      this.byte(0x80 | ((codePoint >> 6) & 0x3f));
    }
    this.byte(0x80 | (codePoint & 0x3f));
  }

  /** Writes a short text. */
  text(text: string): void {
    const bytes = Buffer.from(text);
    this.bytes(bytes, 0, bytes.byteLength);
  }

  /** Returns the bytes written so far, as a view that is valid until the next write. */
  take(): Buffer {
    const taken = this.#buffer.subarray(0, this.#used);
    this.#used = 0;
    return taken;
  }

  #grow(more: number): void {
    const larger = Buffer.allocUnsafeSlow(Math.max(2 * this.#buffer.byteLength, this.#used + more));
    larger.set(this.#buffer.subarray(0, this.#used));
    this.#buffer = larger;
  }
}
