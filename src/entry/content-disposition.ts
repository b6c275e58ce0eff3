import { CourierError } from '../errors.ts';

/** A parsed `Content-Disposition`: its type and parameters, names in lower case. */
export interface Disposition {
  type: string;
  parameters: ReadonlyMap<string, string>;
}

const TOKEN = /[\w!#$%&'*+.^`|~-]+/y;
const QUOTED = /"((?:[^"\\]|\\.)*)"/sy;
const SPACE = /[ \t]*/y;

/** RFC 8187, 3.2: `charset'language'percent-encoded`. */
const EXTENDED = /^(utf-8|iso-8859-1)'[\w-]*'((?:[\w!#$&+.^`|~-]|%[\da-f]{2})*)$/i;

const malformed = (detail: string): CourierError => new CourierError('request-invalid', { detail });

/**
 * The text of a header's raw bytes, which Node gives as Latin-1: UTF-8 as everybody sends it, else the Latin-1 of the
 * old rule (RFC 6266, 4.3).
 */
const decodeRaw = (text: string): string => {
  const bytes = Buffer.from(text, 'latin1');
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return text;
  }
};

const decodeExtended = (value: string): string => {
  const [, charset, encoded] = EXTENDED.exec(value) ?? [];
  if (charset === undefined || encoded === undefined) {
    throw malformed('Content-Disposition: "filename*" must be like UTF-8\'\'na%C3%AFve.txt.');
  }
  try {
    if (charset.toLowerCase() === 'utf-8') return decodeURIComponent(encoded);
  } catch (cause) {
    throw new CourierError('request-invalid', { detail: 'Content-Disposition: "filename*" is not UTF-8.', cause });
  }
  return encoded.replace(/%([\da-f]{2})/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
};

/** Only `\"` and `\\` are escapes: a Windows path, as old browsers send it, must not lose its backslashes unseen. */
const unquote = (text: string): string => text.replace(/\\(["\\])/g, '$1');

/**
 * Parses a `Content-Disposition` (RFC 6266; in forms RFC 7578).
 * @param header as Node gives it: bytes as Latin-1
 * @throws CourierError `request-invalid`
 */
export const parseDisposition = (header: string): Disposition => {
  let at = 0;
  const take = (pattern: RegExp): RegExpExecArray | undefined => {
    pattern.lastIndex = at;
    const found = pattern.exec(header) ?? undefined;
    if (found !== undefined) at = pattern.lastIndex;
    return found;
  };
  const skip = (text: string): boolean => {
    take(SPACE);
    const there = header.startsWith(text, at);
    if (there) at += text.length;
    return there;
  };

  take(SPACE);
  const type = take(TOKEN)?.[0];
  if (type === undefined) throw malformed('Content-Disposition cannot be read.');
  const parameters = new Map<string, string>();
  while (skip(';')) {
    take(SPACE);
    if (at === header.length) break;
    const name = take(TOKEN)?.[0].toLowerCase();
    if (name === undefined || !skip('=')) throw malformed('Content-Disposition cannot be read.');
    take(SPACE);
    const quoted = take(QUOTED)?.[1];
    const value = quoted === undefined ? take(TOKEN)?.[0] : unquote(quoted);
    if (value === undefined) throw malformed('Content-Disposition cannot be read.');
    if (parameters.has(name)) throw malformed(`Content-Disposition has "${name}" twice.`);
    parameters.set(name, name.endsWith('*') ? decodeExtended(value) : decodeRaw(value));
  }
  take(SPACE);
  if (at < header.length) throw malformed('Content-Disposition cannot be read.');
  return { type: type.toLowerCase(), parameters };
};

/** The file's name in a request's `Content-Disposition`; `filename*` goes before `filename` (RFC 6266, 4.3). @throws CourierError `request-invalid` */
export const fileNameOf = (header: string | null): string | undefined => {
  if (header === null) return undefined;
  const { parameters } = parseDisposition(header);
  return parameters.get('filename*') ?? parameters.get('filename');
};

/** Browsers write `"`, CR and LF of a form's names as %22, %0D and %0A (WHATWG HTML, multipart/form-data encoding). */
export const decodeFormName = (name: string): string =>
  name.replace(/%(22|0D|0A)/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
