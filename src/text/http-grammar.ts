/*
 * Parts of HTTP's grammar (RFC 9110, section 5.6) that several headers share. They are read by position rather than by one
 * large pattern, so that the time grows only with the length of the text.
 */

const TOKEN = /[\w!#$%&'*+.^`|~-]+/y;
/** Up to the closing quote. A quoted string without a closing quote ends with the text. */
const QUOTED = /"((?:[^"\\]|\\.)*)("?)/sy;

/** Only `\"` and `\\` are escapes: a Windows path, as old browsers send it, must not lose its backslashes silently. */
const unquote = (text: string): string => text.replace(/\\(["\\])/g, '$1');

const isBlank = (text: string, at: number): boolean => text[at] === ' ' || text[at] === '\t';

/** Removes the spaces and tabs around a field's value, and nothing else that JavaScript calls white space. */
export const trimBlanks = (text: string): string => {
  let [start, end] = [0, text.length];
  while (start < end && isBlank(text, start)) start += 1;
  while (end > start && isBlank(text, end - 1)) end -= 1;
  return text.slice(start, end);
};

/** Reads one header's value from left to right. */
export interface HeaderReader {
  /** Reads a token (RFC 9110, 5.6.2). Undefined if there is none here; the position stays. */
  token(): string | undefined;
  /** Reads a quoted string, without its quotes and escapes. Undefined if there is none here; the position stays. */
  quoted(): string | undefined;
  /** Reads what a sticky pattern matches here. */
  take(pattern: RegExp): string | undefined;
  /** Skips blanks, this character, and blanks again. False if the character is not here. */
  sign(sign: string): boolean;
  /** Whether only blanks are left. */
  isDone(): boolean;
}

export const createHeaderReader = (text: string): HeaderReader => {
  let at = 0;
  const skipBlanks = (): void => {
    while (isBlank(text, at)) at += 1;
  };
  const exec = (pattern: RegExp): RegExpExecArray | undefined => {
    pattern.lastIndex = at;
    return pattern.exec(text) ?? undefined;
  };
  const take = (pattern: RegExp): string | undefined => {
    const found = exec(pattern)?.[0];
    at += found?.length ?? 0;
    return found;
  };
  skipBlanks();
  return {
    take,
    token: () => take(TOKEN),
    quoted() {
      const [whole = '', value = '', end] = exec(QUOTED) ?? [];
      if (end !== '"') return undefined;
      at += whole.length;
      return unquote(value);
    },
    sign(sign) {
      skipBlanks();
      const stands = text.startsWith(sign, at);
      if (stands) at += sign.length;
      skipBlanks();
      return stands;
    },
    isDone() {
      skipBlanks();
      return at === text.length;
    },
  };
};

/** Whether a text is one token: a header's name, for example. */
export const isToken = (text: string): boolean => {
  TOKEN.lastIndex = 0;
  return TOKEN.exec(text)?.[0].length === text.length;
};

/**
 * The seconds that an answer asks to wait (RFC 9110, 10.2.3). A date is compared with the `Date` of the same answer, because
 * the clocks of two machines may differ.
 */
export const retryAfterSeconds = ({
  'retry-after': text = '',
  date = '',
}: {
  readonly 'retry-after'?: string | undefined;
  readonly date?: string | undefined;
}): number | undefined => {
  const seconds = /^\d+$/.test(text) ? Number(text) : (Date.parse(text) - Date.parse(date)) / 1_000;
  return Number.isFinite(seconds) ? Math.max(0, seconds) : undefined;
};
