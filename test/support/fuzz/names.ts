import { isUtf8 } from 'node:buffer';
import fc from 'fast-check';
import { formOf, formType } from '../http/form-bodies.ts';
import type { Call } from '../http/http-forms.ts';

/*
 * File names in every encoding in which clients send them, and what the answer must be. The names come first and are then
 * encoded by hand, so what is expected is known by construction, and not from the courier's own parser.
 */

/** The stored name, or the code of the refusal. */
type NameVerdict = { name: string } | { code: 'name-invalid' | 'request-invalid' };

interface NamedCall {
  call: Call;
  verdict: NameVerdict;
}

const BODY = 'x';

const LETTERS = {
  ascii: [...'abcXYZ019 .-_()'],
  latin: [...'üéßÅñ'],
  cyrillic: [...'отчёГ'],
  japanese: ['表', 'ソ', '日'],
  beyond: ['📊', 'e\u0301', '\u00a0', '\u200b'],
  refused: ['/', '\\', '\u0001', '\u007f', '\u0085'],
} as const;

const letter = (pool: keyof typeof LETTERS): fc.Arbitrary<string> => fc.constantFrom(...LETTERS[pool]);

const anyName: fc.Arbitrary<string> = fc
  .tuple(
    fc.array(
      fc.oneof(
        { weight: 12, arbitrary: letter('ascii') },
        { weight: 3, arbitrary: letter('latin') },
        { weight: 3, arbitrary: letter('cyrillic') },
        { weight: 2, arbitrary: letter('japanese') },
        { weight: 2, arbitrary: letter('beyond') },
        { weight: 1, arbitrary: letter('refused') },
      ),
      { maxLength: 12 },
    ),
    fc.constantFrom(0, 0, 0, 0, 0, 0, 243, 250, 255, 256),
  )
  .map(([letters, more]) => letters.join('') + 'y'.repeat(more));

const withoutOuterBlanks = (text: string): string => text.replace(/^[ \u00a0]+|[ \u00a0]+$/g, '');

/** README's rule: NFC, 1 to 255 code points after trimming, no control characters, no slashes, neither "." nor "..". */
const verdictOfName = (text: string): NameVerdict => {
  const name = withoutOuterBlanks(text.normalize('NFC'));
  const points = [...name];
  const isRefused = points.some((point) => (LETTERS.refused as readonly string[]).includes(point));
  const fits = points.length >= 1 && points.length <= 255 && !/^\.{1,2}$/.test(name);
  return fits && !isRefused ? { name } : { code: 'name-invalid' };
};

/** Encoders of charsets by their own tables; undefined where a character has no place in the charset. */
const CHARSETS: Readonly<Record<string, (character: string) => readonly number[] | undefined>> = {
  'utf-8': (character) => [...Buffer.from(character)],
  'iso-8859-1'(character) {
    const code = character.charCodeAt(0);
    return character.length === 1 && (code < 0x80 || code >= 0xa0) && code <= 0xff ? [code] : undefined;
  },
  'windows-1251'(character) {
    const code = character.charCodeAt(0);
    if (character.length > 1) return undefined;
    if (code < 0x80) return [code];
    if (code === 0x451) return [0xb8];
    return code >= 0x410 && code <= 0x44f ? [code - 0x410 + 0xc0] : undefined;
  },
  shift_jis(character) {
    const code = character.charCodeAt(0);
    const own: Readonly<Record<string, readonly number[]>> = { 表: [0x95, 0x5c], ソ: [0x83, 0x5c], 日: [0x93, 0xfa] };
    return own[character] ?? (character.length === 1 && code < 0x5c && code >= 0x20 ? [code] : undefined);
  },
};

const encode = (text: string, charset: string): Buffer | undefined => {
  const bytes: number[] = [];
  for (const character of text) {
    const encoded = CHARSETS[charset]?.(character);
    if (encoded === undefined) return undefined;
    bytes.push(...encoded);
  }
  return Buffer.from(bytes);
};

const hex = (byte: number): string => byte.toString(16).toUpperCase().padStart(2, '0');
const percent = (bytes: Uint8Array): string => [...bytes].map((byte) => `%${hex(byte)}`).join('');
const isSafe = (byte: number): boolean => /[A-Za-z0-9.-]/.test(String.fromCharCode(byte));
/** Percent-encoding that leaves letters as they are, and encodes everything else. */
const percentSparsely = (bytes: Uint8Array): string =>
  [...bytes].map((byte) => (isSafe(byte) ? String.fromCharCode(byte) : `%${hex(byte)}`)).join('');

const encodedWord = (bytes: Buffer, charset: string, way: 'B' | 'Q'): string => {
  const text =
    way === 'B'
      ? bytes.toString('base64')
      : [...bytes]
          .map((byte) => (byte === 0x20 ? '_' : isSafe(byte) ? String.fromCharCode(byte) : `=${hex(byte)}`))
          .join('');
  return `=?${charset}?${way}?${text}?=`;
};

/** Cuts bytes into words. RFC 2047 forbids cutting within a character, but clients do it. */
const encodedWords = (bytes: Buffer, charset: string, { way, cut }: { way: 'B' | 'Q'; cut: number }): string => {
  const at = bytes.length === 0 ? 0 : cut % bytes.length;
  const pieces = at === 0 ? [bytes] : [bytes.subarray(0, at), bytes.subarray(at)];
  return pieces.map((piece) => encodedWord(piece, charset, way)).join(' ');
};

const inRequest = (parameters: string): Call => ({
  target: '/v1/files',
  headers: { 'content-disposition': `attachment; ${parameters}` },
  // With a string Node would write the headers before it as UTF-8.
  body: [Buffer.from(BODY)],
});

const inForm = (parameters: string): Call => ({
  target: '/v1/files',
  headers: { 'content-type': formType('b') },
  body: Buffer.concat([
    Buffer.from(`--b\r\nContent-Disposition: form-data; name="f"; ${parameters}\r\n\r\n`, 'latin1'),
    Buffer.from(`${BODY}\r\n--b--\r\n`),
  ]),
});

interface Ways {
  text: string;
  charset: string;
  word: { way: 'B' | 'Q'; cut: number };
  disposition: (parameters: string) => Call;
}

type Way = (ways: Ways) => NamedCall | undefined;

const hasOnlyAscii = (text: string): boolean => /^[\0-\x7f]*$/.test(text);
/** What can stand between quotes in a header without an escape, and has no second meaning. */
const isPlain = (text: string): boolean => !/[\p{Cc}"\\/%]/u.test(text);

/** Each way to send a name. It answers undefined for a name that cannot be sent that way. */
const WAYS: Readonly<Record<string, Way>> = {
  query: ({ text }) => ({
    call: { target: `/v1/files?name=${percentSparsely(Buffer.from(text))}`, body: BODY },
    verdict: verdictOfName(text),
  }),
  'wholly encoded query': ({ text }) => ({
    call: { target: `/v1/files?name=${percent(Buffer.from(text))}`, body: BODY },
    verdict: verdictOfName(text),
  }),
  'query in another charset'({ text, charset }) {
    const bytes = encode(text, charset);
    if (bytes === undefined || isUtf8(bytes)) return undefined;
    const call = { target: `/v1/files?name=${percent(bytes)}`, body: BODY };
    return { call, verdict: { code: 'request-invalid' } };
  },
  field: ({ text }) => ({
    call: {
      target: '/v1/files',
      headers: { 'content-type': formType() },
      body: formOf([
        { name: 'name', value: text },
        { name: 'file', fileName: 'other', value: BODY },
      ]),
    },
    verdict: verdictOfName(text),
  }),
  'export document': ({ text }) => ({
    call: {
      target: '/v1/exports',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ name: text, source: { text: BODY } }),
    },
    verdict: verdictOfName(text),
  }),
  'filename*'({ text, charset, disposition }) {
    const bytes = encode(text, charset);
    if (bytes === undefined || text === '') return undefined;
    return { call: disposition(`filename*=${charset}''${percent(bytes)}`), verdict: verdictOfName(text) };
  },
  'filename* that is not in its charset'({ text, charset, disposition }) {
    const bytes = encode(text, charset);
    if (bytes === undefined || isUtf8(bytes)) return undefined;
    return { call: disposition(`filename*=UTF-8''${percent(bytes)}`), verdict: { code: 'request-invalid' } };
  },
  'filename in UTF-8'({ text, disposition }) {
    if (!isPlain(text) || text.trim() === '') return undefined;
    const raw = Buffer.from(text).toString('latin1');
    return { call: disposition(`filename="${raw}"`), verdict: verdictOfName(text) };
  },
  'filename in another charset'({ text, charset, disposition }) {
    const bytes = encode(text, charset);
    if (bytes === undefined || isUtf8(bytes) || /["\p{Cc}]/u.test(bytes.toString('latin1'))) return undefined;
    return { call: disposition(`filename="${bytes.toString('latin1')}"`), verdict: { code: 'request-invalid' } };
  },
  'encoded words'({ text, charset, word, disposition }) {
    const bytes = encode(text, charset);
    if (bytes === undefined || bytes.length === 0) return undefined;
    const call = disposition(`filename="${encodedWords(bytes, charset, word)}"`);
    return { call, verdict: verdictOfName(text) };
  },
  'encoded words that are not in their charset'({ text, charset, word, disposition }) {
    const bytes = encode(text, charset);
    if (bytes === undefined || isUtf8(bytes)) return undefined;
    const call = disposition(`filename="${encodedWords(bytes, 'utf-8', { ...word, cut: 0 })}"`);
    return { call, verdict: { code: 'request-invalid' } };
  },
  // Files may really be called "a%20b.csv", so this is decoded only if characters beyond ASCII come of it.
  'percent-encoded filename'({ text, disposition }) {
    const encoded = percentSparsely(Buffer.from(text));
    if (encoded === '') return undefined;
    return { call: disposition(`filename="${encoded}"`), verdict: verdictOfName(hasOnlyAscii(text) ? encoded : text) };
  },
};

/** A name, sent in some way that it can be sent in. */
export const namedCall: fc.Arbitrary<NamedCall & { way: string; text: string }> = fc
  .record({
    text: anyName,
    way: fc.constantFrom(...Object.keys(WAYS)),
    charset: fc.constantFrom(...Object.keys(CHARSETS)),
    word: fc.record({ way: fc.constantFrom('B', 'Q'), cut: fc.nat(40) }),
    disposition: fc.constantFrom(inRequest, inForm),
  })
  .map(({ way, ...ways }) => {
    const sent = WAYS[way]?.(ways) ?? WAYS.query?.(ways);
    if (sent === undefined) throw new Error('a name can always be sent in the query');
    return { ...sent, way, text: ways.text };
  });
