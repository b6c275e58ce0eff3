import { CourierError } from '../../errors.ts';
import { ByteWriter } from '../bytes/byte-writer.ts';
import type { JsonEvents } from './events.ts';
import { KeyReader, UniqueKeys } from './keys.ts';
import type { JsonScanner } from './scanner.ts';
import { JsonWriter } from './writer.ts';

/** The position of a large value in a document, from which it is read later. */
export interface LargeValue {
  /** `FIELD.FIELD` */
  path: string;
  start: number;
  end: number;
}

/** Receives the events of a value that is not part of the outline. */
export interface Follower extends JsonEvents {
  /** The JSON that replaces the value in the outline. */
  placeholder: string;
  /** Called for each key in the value, after `endText`. @param key see `KeyReader.end` */
  key?(key: string, where: { start: number; bytes: number }): void;
}

export interface OutlineOptions {
  /**
   * Fields whose objects are part of the outline, as `FIELD` or `FIELD.FIELD`. Other containers are replaced by empty
   * ones.
   */
  objects: readonly string[];
  /** The field whose members may be arrays that are part of the outline. */
  arraysBelow?: string;
  /** Returns the follower of a field's value; undefined if the value is part of the outline. */
  follow(path: string, type: ValueType): Follower | undefined;
  /** The maximum size of the outline, in bytes. */
  maxBytes: number;
  /** Accepts duplicate keys and lone surrogates, as `JSON.parse` does. */
  lenient?: boolean;
}

export type ValueType = 'text' | 'number' | 'word' | 'array' | 'object';

/** Ignores all events of a value. The scanner still checks its syntax. */
export const IGNORE_EVENTS: Omit<Follower, 'placeholder'> = {
  open: () => undefined,
  close: () => undefined,
  beginText: () => undefined,
  plain: () => undefined,
  escaped: () => undefined,
  endText: () => undefined,
  beginNumber: () => undefined,
  digits: () => undefined,
  endNumber: () => undefined,
  word: () => undefined,
};

/** Follows a text: `plain` and `escaped` receive its characters, and the other events have no effect. */
export abstract class TextEvents implements Follower {
  readonly placeholder = '""';
  readonly open = IGNORE_EVENTS.open;
  readonly close = IGNORE_EVENTS.close;
  readonly beginText = IGNORE_EVENTS.beginText;
  readonly endText = IGNORE_EVENTS.endText;
  readonly beginNumber = IGNORE_EVENTS.beginNumber;
  readonly digits = IGNORE_EVENTS.digits;
  readonly endNumber = IGNORE_EVENTS.endNumber;
  readonly word = IGNORE_EVENTS.word;

  abstract plain(bytes: Uint8Array, from: number, to: number): void;
  abstract escaped(codePoint: number): void;
}

/**
 * Builds the outline of a document while it is scanned: the document without its large values, small enough to be
 * parsed at once, and the positions of those values. Unless `lenient` is set, duplicate keys are rejected in the whole
 * document.
 */
export class JsonOutline implements JsonEvents {
  readonly found: LargeValue[] = [];
  readonly #options: OutlineOptions;
  readonly #out = new ByteWriter(4_096);
  readonly #writer = new JsonWriter(this.#out);
  readonly #keys = new UniqueKeys();
  readonly #key = new KeyReader();
  readonly #path: string[] = [];
  #scanner: JsonScanner | undefined;
  #depth = 0;
  #follower: Follower | undefined;
  #followedDepth = 0;
  #start = 0;
  #isKey = false;
  #keyStart = 0;

  constructor(options: OutlineOptions) {
    this.#options = options;
  }

  /** Sets the scanner whose events it receives. */
  attach(scanner: JsonScanner): void {
    this.#scanner = scanner;
  }

  /** The outline, as JSON. */
  text(): string {
    return this.#out.take().toString();
  }

  open(isArray: boolean): void {
    if (!isArray) this.#keys.open();
    const to = this.#begin(isArray ? 'array' : 'object');
    this.#depth += 1;
    to.open(isArray);
  }

  close(isArray: boolean): void {
    if (!isArray) this.#keys.close();
    this.#depth -= 1;
    this.#to().close(isArray);
    this.#end(1);
  }

  beginText(isKey: boolean): void {
    if (isKey) {
      this.#key.begin();
      this.#keyStart = this.#scanner?.offset ?? 0;
    }
    const to = isKey ? this.#to() : this.#begin('text');
    to.beginText(isKey);
    this.#isKey = isKey;
  }

  plain(bytes: Uint8Array, from: number, to: number): void {
    if (this.#isKey) this.#key.plain(bytes, from, to);
    this.#to().plain(bytes, from, to);
    if (this.#follower === undefined) this.#checkSize();
  }

  escaped(codePoint: number): void {
    if (this.#isKey) this.#key.escaped(codePoint);
    this.#to().escaped(codePoint);
    if (this.#follower === undefined) this.#checkSize();
  }

  endText(isKey: boolean): void {
    this.#to().endText(isKey);
    this.#isKey = false;
    if (isKey) this.#endKey();
    else this.#end(1);
  }

  beginNumber(): void {
    this.#begin('number').beginNumber();
  }

  digits(bytes: Uint8Array, from: number, to: number): void {
    this.#to().digits(bytes, from, to);
    if (this.#follower === undefined) this.#checkSize();
  }

  endNumber(): void {
    this.#to().endNumber();
    this.#end(0);
  }

  word(word: 'true' | 'false' | 'null'): void {
    this.#begin('word').word(word);
    // The scanner is at the last letter of the word.
    if (this.#follower !== undefined && this.#depth === this.#followedDepth) this.#start -= word.length - 1;
    this.#end(1);
  }

  #endKey(): void {
    const key = this.#key.end();
    if (this.#options.lenient !== true) this.#keys.add(key);
    this.#follower?.key?.(key, { start: this.#keyStart, bytes: this.#key.length });
    if (this.#follower === undefined) this.#path[this.#depth - 1] = key;
    this.#checkSize();
  }

  /** The path of the current value; empty if a key contains a dot. */
  #pathNow(): string {
    const path = this.#path.slice(0, this.#depth);
    return path.some((key) => key.includes('.')) ? '' : path.join('.');
  }

  #to(): JsonEvents {
    return this.#follower ?? this.#writer;
  }

  /** Called when a value begins; returns the receiver of its events. */
  #begin(type: ValueType): JsonEvents {
    if (this.#follower !== undefined) return this.#follower;
    const path = this.#pathNow();
    const follower = this.#options.follow(path, type) ?? this.#ignore(path, type);
    if (follower === undefined) return this.#writer;
    this.#follower = follower;
    this.#followedDepth = this.#depth;
    this.#start = this.#scanner?.offset ?? 0;
    return follower;
  }

  #ignore(path: string, type: ValueType): Follower | undefined {
    if (type !== 'array' && type !== 'object') return undefined;
    const { objects, arraysBelow } = this.#options;
    if (type === 'object' && (this.#depth === 0 || objects.includes(path))) return undefined;
    if (type === 'array' && arraysBelow !== undefined && path.startsWith(`${arraysBelow}.`)) return undefined;
    return { ...IGNORE_EVENTS, placeholder: type === 'array' ? '[]' : '{}' };
  }

  /** Called when a value has ended. @param past the distance from the scanner's offset to the end of the value */
  #end(past: number): void {
    const follower = this.#follower;
    if (follower === undefined || this.#depth !== this.#followedDepth) return;
    this.#follower = undefined;
    const path = this.#pathNow();
    this.found.push({ path, start: this.#start, end: (this.#scanner?.offset ?? 0) + past });
    this.#writer.word(follower.placeholder);
  }

  #checkSize(): void {
    if (this.#out.size <= this.#options.maxBytes) return;
    const { maxBytes } = this.#options;
    throw new CourierError('request-invalid', {
      detail: `The fields of the document have more than ${maxBytes} bytes together, without the file itself.`,
    });
  }
}
