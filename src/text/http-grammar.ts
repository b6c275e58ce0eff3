/*
 * Pieces of HTTP's grammar (RFC 9110, section 5.6) that several headers share, read by position rather than by one large
 * pattern: time grows with the length of the text, whatever is in it.
 */

const TOKEN = /[\w!#$%&'*+.^`|~-]+/y;
/** Up to the closing quote. A quoted string without one is read to its end, and never looked for again. */
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
  /** A token (RFC 9110, 5.6.2); undefined, without moving, where none stands. */
  token(): string | undefined;
  /** A quoted string without its quotes and escapes; undefined, without moving, where none stands. */
  quoted(): string | undefined;
  /** What a sticky pattern finds here. */
  take(pattern: RegExp): string | undefined;
  /** Blanks, then this sign, then blanks again; false where the sign does not stand. */
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
