/** The states of reading a number (RFC 8259, 6). */
export const NUMBER = {
  begin: 0,
  sign: 1,
  zero: 2,
  integer: 3,
  point: 4,
  fraction: 5,
  e: 6,
  exponentSign: 7,
  exponent: 8,
} as const;
export type NumberState = (typeof NUMBER)[keyof typeof NUMBER];

export const isDigit = (byte: number): boolean => byte >= 48 && byte <= 57;

/** The next state; undefined for a byte that ends the number. */
// biome-ignore lint/complexity/noExcessiveCognitiveComplexity: this is the grammar of a number, state by state.
export const numberStep = (state: NumberState, byte: number): NumberState | undefined => {
  switch (state) {
    case NUMBER.begin:
    case NUMBER.sign:
      if (byte === 45 && state === NUMBER.begin) return NUMBER.sign;
      if (byte === 48) return NUMBER.zero;
      return isDigit(byte) ? NUMBER.integer : undefined;
    case NUMBER.zero:
    case NUMBER.integer:
      if (state === NUMBER.integer && isDigit(byte)) return NUMBER.integer;
      if (byte === 46) return NUMBER.point;
      return byte === 101 || byte === 69 ? NUMBER.e : undefined;
    case NUMBER.point:
    case NUMBER.fraction:
      if (isDigit(byte)) return NUMBER.fraction;
      return state === NUMBER.fraction && (byte === 101 || byte === 69) ? NUMBER.e : undefined;
    case NUMBER.e:
      if (byte === 43 || byte === 45) return NUMBER.exponentSign;
      return isDigit(byte) ? NUMBER.exponent : undefined;
    default:
      return isDigit(byte) ? NUMBER.exponent : undefined;
  }
};

/** True if a number may end in this state. */
export const isNumber = (state: NumberState): boolean =>
  state === NUMBER.zero || state === NUMBER.integer || state === NUMBER.fraction || state === NUMBER.exponent;

/** The literals, by their first byte. `NaN` and `Infinity` are not JSON; they are read only to name them in the error. */
export const WORDS = { 116: 'true', 102: 'false', 110: 'null', 78: 'NaN', 73: 'Infinity' } as const;
/** The character for the byte after a backslash: `\b`, `\f`, `\n`, `\r`, `\t`, and quote, slash and backslash. */
export const ESCAPES: Readonly<Record<number, number>> = {
  34: 34,
  47: 47,
  92: 92,
  98: 8,
  102: 12,
  110: 10,
  114: 13,
  116: 9,
};

export const isHighSurrogate = (code: number): boolean => code >= 0xd800 && code <= 0xdbff;
export const isLowSurrogate = (code: number): boolean => code >= 0xdc00 && code <= 0xdfff;

/** The value of a hexadecimal digit; -1 for any other byte. */
export const hexDigit = (byte: number): number => {
  if (isDigit(byte)) return byte - 48;
  const lower = byte | 32;
  return lower >= 97 && lower <= 102 ? lower - 87 : -1;
};

/** What the scanner expects next. */
export const STATE = {
  value: 0,
  firstItem: 1,
  firstKey: 2,
  key: 3,
  colon: 4,
  after: 5,
  text: 6,
  escape: 7,
  hex: 8,
  number: 9,
  word: 10,
  end: 11,
} as const;
export type State = (typeof STATE)[keyof typeof STATE];
