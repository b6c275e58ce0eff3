import { CourierError } from '../../errors.ts';
import { notANumber } from './events.ts';

/**
 * Parses JSON without changing values. `JSON.parse` would change a table: 9007199254740993 would end in 2, 1e400 would
 * become Infinity, 1.50 would become 1.5, the columns "name", "2024" would be reordered to "2024", "name", and one of
 * two equal keys would be lost. This parser keeps the digits of numbers and the order of keys. It rejects what I-JSON
 * (RFC 7493) forbids, which is duplicate keys and lone surrogates, and excessive nesting.
 */

/** A number that JavaScript would write differently. `JSON.stringify` writes it unchanged. */
interface RawNumber {
  readonly rawJSON: string;
}

/** https://tc39.es/proposal-json-parse-with-source/; available since Node 21, but not in TypeScript's library yet. */
const { rawJSON, isRawJSON } = JSON as unknown as {
  rawJSON(text: string): RawNumber;
  isRawJSON(value: unknown): value is RawNumber;
};

export const isRawNumber = isRawJSON;

const MAX_DEPTH = 100;
/** A string with these characters must be decoded or is invalid. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: JSON forbids these characters (RFC 8259, 7).
const NOT_PLAIN = /[\\\u0000-\u001f]/;
const SMALL_INTEGER = /^(?:0|-?[1-9]\d{0,14})$/;
const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
const WORDS: readonly (readonly [string, boolean | null])[] = [
  ['true', true],
  ['false', false],
  ['null', null],
];

/** The keys in their original order, for objects whose keys JavaScript reorders. */
const ORDER = Symbol('order of keys');

/**
 * The keys of a parsed object, in their original order.
 * @internal for tests
 */
export const keysOf = (object: object): readonly string[] =>
  (object as { [ORDER]?: readonly string[] })[ORDER] ?? Object.keys(object);

const invalid = (detail: string, reason?: string): CourierError =>
  new CourierError('request-invalid', { detail, reason });

/** The reason of the error for two equal keys in one object. */
const EQUAL_KEYS = 'equal-keys';

/** Errors do not quote the text of callers, except for the names of keys. */
const quoted = (key: string): string => JSON.stringify(key.length > 60 ? `${key.slice(0, 60)}…` : key);

const isArrayIndex = (key: string): boolean => /^(?:0|[1-9]\d{0,9})$/.test(key);
const OWN = { enumerable: true, writable: true, configurable: true } as const;

/** Parses JSON text without changing values. @throws CourierError `request-invalid` */
export const parseExactJson = (text: string): unknown => {
  let at = 0;

  const malformed = (): CourierError => invalid(`This is not JSON: character ${at + 1} is unexpected there.`);

  const space = (): void => {
    for (;;) {
      const code = text.charCodeAt(at);
      if (code !== 32 && code !== 10 && code !== 13 && code !== 9) return;
      at += 1;
    }
  };

  const take = (character: string): boolean => {
    if (text[at] !== character) return false;
    at += 1;
    return true;
  };

  /** Searches only for quotes, which is fast, because a text may have millions of characters. */
  const endOfString = (): number => {
    for (let quote = text.indexOf('"', at + 1); quote !== -1; quote = text.indexOf('"', quote + 1)) {
      let backslashes = 0;
      while (text[quote - 1 - backslashes] === '\\') backslashes += 1;
      if (backslashes % 2 === 0) return quote;
    }
    throw malformed();
  };

  const string = (): string => {
    const end = endOfString();
    let value = text.slice(at + 1, end);
    if (NOT_PLAIN.test(value)) {
      try {
        value = JSON.parse(text.slice(at, end + 1)) as string;
      } catch {
        throw malformed();
      }
    }
    if (!value.isWellFormed()) throw invalid('A text is not well-formed Unicode (a lone surrogate).');
    at = end + 1;
    return value;
  };

  const number = (): number | RawNumber => {
    NUMBER.lastIndex = at;
    const written = NUMBER.exec(text)?.[0];
    if (written === undefined) {
      const start = text[at] === '-' ? at + 1 : at;
      for (const word of ['NaN', 'Infinity'] as const) if (text.startsWith(word, start)) throw notANumber(word);
      throw malformed();
    }
    at = NUMBER.lastIndex;
    const value = Number(written);
    return SMALL_INTEGER.test(written) || String(value) === written ? value : rawJSON(written);
  };

  const word = (): boolean | null => {
    for (const [written, value] of WORDS) {
      if (text.startsWith(written, at)) {
        at += written.length;
        return value;
      }
    }
    throw malformed();
  };

  const array = (depth: number): unknown[] => {
    const items: unknown[] = [];
    at += 1;
    space();
    if (take(']')) return items;
    for (;;) {
      items.push(value(depth));
      space();
      if (take(']')) return items;
      if (!take(',')) throw malformed();
    }
  };

  // biome-ignore lint/complexity/noExcessiveCognitiveComplexity: this is the grammar of an object, in its order.
  const object = (depth: number): object => {
    const members: Record<string, unknown> = {};
    const keys: string[] = [];
    let reordered = false;
    at += 1;
    space();
    if (take('}')) return members;
    for (;;) {
      space();
      if (text[at] !== '"') throw malformed();
      const key = string();
      if (Object.hasOwn(members, key))
        throw invalid(`The key ${quoted(key)} is there twice in one object.`, EQUAL_KEYS);
      space();
      if (!take(':')) throw malformed();
      const member = value(depth);
      // Assigning this key would change the prototype of the object.
      if (key === '__proto__') Object.defineProperty(members, key, { value: member, ...OWN });
      else members[key] = member;
      keys.push(key);
      reordered ||= isArrayIndex(key);
      space();
      if (take('}')) break;
      if (!take(',')) throw malformed();
    }
    if (reordered) Object.defineProperty(members, ORDER, { value: keys });
    return members;
  };

  function value(depth: number): unknown {
    if (depth === MAX_DEPTH) throw invalid(`The JSON is nested deeper than ${MAX_DEPTH} levels.`);
    space();
    switch (text[at]) {
      case '{':
        return object(depth + 1);
      case '[':
        return array(depth + 1);
      case '"':
        return string();
      case 't':
      case 'f':
      case 'n':
        return word();
      default:
        return number();
    }
  }

  const parsed = value(0);
  space();
  if (at < text.length) throw malformed();
  return parsed;
};

/**
 * Refuses JSON text with two equal keys in one object, of which `JSON.parse` would ignore the first. It reports no other fault.
 * @throws CourierError `request-invalid`
 */
export const rejectEqualKeys = (text: string): void => {
  try {
    parseExactJson(text);
  } catch (error) {
    if (error instanceof CourierError && error.reason === EQUAL_KEYS) throw error;
  }
};
