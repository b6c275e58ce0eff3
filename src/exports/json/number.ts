/** Where a number is (RFC 8259, 6). */
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

/** The number's next state; undefined for a byte that ends it. */
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

/** Whether a number that ends in this state is one. */
export const isNumber = (state: NumberState): boolean =>
  state === NUMBER.zero || state === NUMBER.integer || state === NUMBER.fraction || state === NUMBER.exponent;
