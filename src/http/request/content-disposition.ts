import { CourierError } from '../../errors.ts';
import { createHeaderReader } from '../../text/http-grammar.ts';
import { decodeBytes, decodeEncodedWords } from './encoded-words.ts';

/** A parsed `Content-Disposition`: its type and parameters, names in lower case, values as bytes in Latin-1. */
export interface Disposition {
  type: string;
  parameters: ReadonlyMap<string, string>;
}

/** RFC 8187, 3.2: `charset'language'percent-encoded`. */
const EXTENDED = /^([\w.:-]{1,40})'[\w-]*'((?:[\w!#$&+.^`|~-]|%[\dA-Fa-f]{2})*)$/;
/** An RFC 2047 word without quotes. It has characters that are not allowed in a token. */
const BARE_WORD = /=\?[^\s";]+/y;
/** One part of a parameter that is split into several (RFC 2231, 3). Its value may be encoded. */
const CONTINUED = /^filename\*(\d{1,3})(\*?)$/;
const MAX_CONTINUATIONS = 100;

export const SEND_UTF8 =
  "Send the file name in UTF-8: as ?name= (percent-encoded), or as filename*=UTF-8''… in Content-Disposition.";

const malformed = (detail: string): CourierError => new CourierError('request-invalid', { detail });
const unreadable = (detail: string): CourierError => new CourierError('request-invalid', { detail, remedy: SEND_UTF8 });

const bytesOf = (text: string): Buffer => Buffer.from(text, 'latin1');

const fromPercents = (text: string): Buffer =>
  bytesOf(text.replace(/%([\dA-Fa-f]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16))));

const decodeExtended = (value: string): string => {
  const [, charset, encoded] = EXTENDED.exec(value) ?? [];
  if (charset === undefined || encoded === undefined) {
    throw malformed('Content-Disposition: "filename*" must be like UTF-8\'\'na%C3%AFve.txt.');
  }
  const decoded = decodeBytes(fromPercents(encoded), charset);
  if (decoded === undefined) throw unreadable(`Content-Disposition: "filename*" is not in the charset "${charset}".`);
  return decoded;
};

/**
 * Parses a `Content-Disposition` header (RFC 6266; in forms RFC 7578).
 * @param header the value from Node, which decodes the bytes as Latin-1
 * @throws CourierError `request-invalid`
 */
export const parseDisposition = (header: string): Disposition => {
  const broken = (): CourierError =>
    decodeBytes(bytesOf(header), 'utf-8') === undefined
      ? // In Shift_JIS, Big5 and GBK the second byte of a character may be a backslash, which escapes the next quote.
        unreadable('Content-Disposition is not UTF-8.')
      : malformed('Content-Disposition cannot be read.');
  const reader = createHeaderReader(header);
  const type = reader.token();
  if (type === undefined) throw broken();
  const parameters = new Map<string, string>();
  while (reader.sign(';')) {
    if (reader.isDone()) break;
    const name = reader.token()?.toLowerCase();
    const value =
      name !== undefined && reader.sign('=')
        ? (reader.quoted() ?? reader.take(BARE_WORD) ?? reader.token())
        : undefined;
    if (name === undefined || value === undefined) throw broken();
    if (parameters.has(name)) throw malformed(`Content-Disposition has "${name}" twice.`);
    parameters.set(name, value);
  }
  if (!reader.isDone()) throw broken();
  return { type: type.toLowerCase(), parameters };
};

/** Decodes the value of a parameter. @throws CourierError `request-invalid` if it is not UTF-8 */
export const textOf = (raw: string, what: string): string => {
  const text = decodeBytes(bytesOf(raw), 'utf-8');
  if (text === undefined) throw unreadable(`${what} is not UTF-8.`);
  return text;
};

/**
 * Decodes a percent-encoded `filename`, which some clients send against the standard (aiohttp). The name is decoded
 * only if it is ASCII, every "%" starts an escape, and the result is UTF-8 with non-ASCII characters. Otherwise it may
 * be the real name of the file, such as "100%25.csv".
 */
const decodePercents = (name: string): string => {
  if (!name.includes('%') || /[^ -~]/.test(name) || /%(?![\dA-Fa-f]{2})/.test(name)) return name;
  const decoded = decodeBytes(fromPercents(name), 'utf-8');
  return decoded === undefined || /^[\0-\x7f]*$/.test(decoded) ? name : decoded;
};

/**
 * Decodes a file name: RFC 2047 words and percent-encoding, where they are unambiguous.
 * @throws CourierError `request-invalid`
 */
const decodeFileName = (name: string): string => {
  const decoded = decodeEncodedWords(name);
  if (decoded === undefined) {
    throw unreadable('The file name has an encoded word (RFC 2047) that cannot be decoded.');
  }
  return decoded === name ? decodePercents(name) : decoded;
};

/** Joins a name that is split into `filename*0`, `filename*1*`, … (RFC 2231, 3). Some mail libraries do this. */
const joinContinuations = (parameters: Disposition['parameters']): string | undefined => {
  const parts = [...parameters]
    .map(([name, value]) => ({ cut: CONTINUED.exec(name), value }))
    .flatMap(({ cut, value }) => (cut === null ? [] : [{ at: Number(cut[1]), isEncoded: cut[2] === '*', value }]))
    .sort((a, b) => a.at - b.at);
  if (parts.length === 0) return undefined;
  if (parts.length > MAX_CONTINUATIONS || parts.some(({ at }, index) => at !== index)) {
    throw malformed('Content-Disposition: a part of "filename*0", "filename*1", … is missing.');
  }
  const [first] = parts;
  if (first?.isEncoded !== true) return textOf(parts.map(({ value }) => value).join(''), 'The file name');
  const [charset = '', language = '', ...rest] = first.value.split("'");
  const encoded = [
    rest.join("'"),
    ...parts.slice(1).map(({ value, isEncoded }) => (isEncoded ? value : encodeURIComponent(value))),
  ];
  return decodeExtended(`${charset}'${language}'${encoded.join('')}`);
};

/**
 * Returns the file name in a `Content-Disposition`. `filename*` takes precedence over `filename` (RFC 6266, 4.3).
 * @param fromForm true for a form, in which browsers escape quotes and line breaks of the name
 * @throws CourierError `request-invalid`
 */
export const fileNameIn = ({ parameters }: Disposition, { fromForm = false } = {}): string | undefined => {
  const extended = parameters.get('filename*');
  if (extended !== undefined) return decodeExtended(extended);
  const plain = parameters.get('filename');
  if (plain === undefined) return joinContinuations(parameters);
  const text = textOf(plain, 'The file name');
  return decodeFileName(fromForm ? decodeFormName(text) : text);
};

/** The file's name in a request's `Content-Disposition`. @throws CourierError `request-invalid` */
export const fileNameOf = (header: string): string | undefined => fileNameIn(parseDisposition(header));

/**
 * Decodes a name in a form: browsers escape `"`, CR and LF as %22, %0D and %0A (WHATWG HTML, multipart/form-data
 * encoding).
 */
export const decodeFormName = (name: string): string =>
  name.replace(/%(22|0D|0A)/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
