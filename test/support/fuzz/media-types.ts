import fc from 'fast-check';
import { formOf, formType } from '../http/form-bodies.ts';
import type { Call } from '../http/http-forms.ts';

/*
 * Media types in every place in which a request can have one. Each is built from parts whose meaning is known, so the
 * verdict does not need a parser.
 */

/** The type that the file is stored with; undefined: it must be refused. */
interface WrittenType {
  text: string;
  stored: string | undefined;
}

interface TypedCall {
  call: Call;
  /** Whose answer says what is expected: the media type of the file, or status and code of the refusal. */
  verdict: { mimeType: string } | { status: number; code: string };
}

const token = (maxLength: number): fc.Arbitrary<string> =>
  fc.string({ unit: fc.constantFrom(...'abcxyzABC012.+-_!#$&^'), minLength: 1, maxLength });

/** A type that no rule singles out. */
const plainEssence = fc
  .tuple(fc.constantFrom('text', 'Text', 'application', 'IMAGE', 'x-own'), token(20))
  .map(([type, subtype]) => `${type}/${subtype}`)
  .filter((text) => !/^application\/(vnd\.google-apps|octet-stream|x-www-form-urlencoded)/i.test(text));

const blanks = fc.constantFrom('', ' ', '\t', '  ');
const otherParameter = fc
  .tuple(
    fc.constantFrom('header', 'name', 'q', 'version'),
    fc.oneof(token(6), fc.constantFrom('"a b"', '"x;y"', '"\\""')),
  )
  .map(([name, value]) => `${name}=${value}`);
const charsetName = fc.constantFrom('utf-8', 'UTF-8', 'iso-8859-1', 'Windows-1251', 'x.y:z');

const accepted: fc.Arbitrary<WrittenType> = fc
  .record({
    essence: plainEssence,
    charset: fc.option(charsetName, { nil: undefined }),
    isQuoted: fc.boolean(),
    charsetKey: fc.constantFrom('charset', 'Charset', 'CHARSET'),
    other: fc.option(otherParameter, { nil: undefined }),
    isFirst: fc.boolean(),
    blank: blanks,
  })
  .map(({ essence, charset, isQuoted, charsetKey, other, isFirst, blank }) => {
    const named = charset === undefined ? [] : [`${charsetKey}=${isQuoted ? `"${charset}"` : charset}`];
    const others = other === undefined ? [] : [other];
    const parameters = isFirst ? [...named, ...others] : [...others, ...named];
    const kept = charset === undefined ? '' : `; charset=${charset.toLowerCase()}`;
    return {
      text: [essence, ...parameters].join(`${blank};${blank}`),
      stored: `${essence.toLowerCase()}${kept}`,
    };
  });

/** Types that only say that the sender knows none: the name's extension decides. */
const unspecific = fc
  .constantFrom('application/octet-stream', 'Application/Octet-Stream', 'application/x-www-form-urlencoded')
  .map((text): WrittenType => ({ text, stored: 'text/csv' }));

const refused: fc.Arbitrary<WrittenType> = fc
  .oneof(
    fc.constantFrom(
      'csv',
      '*/*',
      'text/*',
      'text/',
      '/csv',
      'text//csv',
      'text/csv, text/csv',
      'text csv',
      'te xt/csv',
    ),
    fc.constantFrom('text/csv; charset="utf 8"', 'text/csv; charset=', 'text/csv; charset="utf-8', 'text/csv; charset'),
    fc.constantFrom('text/csv; charset=utf-8; charset=iso-8859-1', 'text/csv; =x', 'text/csv; a=b c', 'text/csv; "a"'),
    token(12).map((kind) => `application/vnd.google-apps.${kind.replace(/[^a-z]/gi, 'x')}`),
    token(8)
      .filter((kind) => kind.toLowerCase() !== 'form-data')
      .map((kind) => `multipart/${kind}; boundary=b`),
    token(4).map((kind) => `text/${kind.padEnd(128, 'x')}`),
    token(4).map((kind) => `Multipart/${kind}`),
  )
  .map((text) => ({ text, stored: undefined }));

const writtenType: fc.Arbitrary<WrittenType> = fc.oneof(
  { weight: 4, arbitrary: accepted },
  { weight: 1, arbitrary: unspecific },
  { weight: 3, arbitrary: refused },
);

const JSON_TYPE = { 'content-type': 'application/json' };
const FILE = 'a.csv';

/** Where a request says the type of its file, and how a wrong one is refused there. */
const PLACES: Readonly<Record<string, { refusal: [number, string]; callOf: (type: string) => Call }>> = {
  'Content-Type of a request': {
    refusal: [415, 'media-type-unsupported'],
    callOf: (type) => ({ target: `/v1/files?name=${FILE}`, headers: { 'content-type': type }, body: 'x' }),
  },
  'Content-Type of a form part': {
    refusal: [415, 'media-type-unsupported'],
    callOf: (type) => ({
      target: '/v1/files',
      headers: { 'content-type': formType() },
      body: formOf([{ name: 'file', fileName: FILE, type, value: 'x' }]),
    }),
  },
  'an export document': {
    refusal: [400, 'request-invalid'],
    callOf: (type) => ({
      target: '/v1/exports',
      headers: JSON_TYPE,
      body: JSON.stringify({ name: FILE, mimeType: type, source: { text: 'x' } }),
    }),
  },
  'an upload session': {
    refusal: [400, 'request-invalid'],
    callOf: (type) => ({
      target: '/v1/uploads',
      headers: JSON_TYPE,
      body: JSON.stringify({ name: FILE, mimeType: type, size: 1 }),
    }),
  },
};

export const typedCall: fc.Arbitrary<TypedCall & { place: string; text: string }> = fc
  .record({ place: fc.constantFrom(...Object.keys(PLACES)), type: writtenType })
  .map(({ place, type: { text, stored } }) => {
    const { refusal, callOf } = PLACES[place] ?? { refusal: [0, ''], callOf: () => ({}) };
    const [status, code] = refusal;
    return { place, text, call: callOf(text), verdict: stored === undefined ? { status, code } : { mimeType: stored } };
  });
