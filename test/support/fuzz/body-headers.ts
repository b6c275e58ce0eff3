import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { formOf, formType } from '../http/form-bodies.ts';
import type { Call } from '../http/http-forms.ts';

/* Headers that change what a body means, and digests of it: alone and in combinations, on every route that takes a body. */

/** A header, and the code of its refusal; undefined where it changes nothing. */
interface MeantHeader {
  name: string;
  value: string;
  code: string | undefined;
}

const ALGORITHMS = { 'sha-256': 'sha256', 'sha-512': 'sha512', sha: 'sha1', md5: 'md5' } as const;
type Algorithm = keyof typeof ALGORITHMS;

const digestOf = (algorithm: Algorithm, bytes: string | Uint8Array): string =>
  createHash(ALGORITHMS[algorithm]).update(bytes).digest('base64');

const number = fc.nat(5_000_000);
const token = fc.string({ unit: fc.constantFrom(...'abcxyz0-'), minLength: 1, maxLength: 8 });

/** Headers whose meaning does not depend on the bytes. */
const fixedHeader: fc.Arbitrary<MeantHeader> = fc.oneof(
  fc
    .oneof(
      fc.tuple(number, number, number).map(([from, length, size]) => `bytes ${from}-${from + length}/${size}`),
      fc.tuple(number, number).map(([from, length]) => `bytes ${from}-${from + length}/*`),
      number.map((size) => `bytes */${size}`),
      token,
    )
    .map((value) => ({ name: 'content-range', value, code: 'range-unsupported' })),
  number.map((offset) => ({
    ...{ name: 'upload-offset', value: String(offset) },
    code: offset === 0 ? undefined : 'range-unsupported',
  })),
  fc
    .constantFrom('gzip', 'br', 'zstd', 'deflate', 'x-gzip', 'gzip, br', 'identity, gzip', 'aws-chunked')
    .map((value) => ({
      ...{ name: 'content-encoding', value, code: 'media-type-unsupported' },
    })),
  fc.constant({ name: 'content-encoding', value: 'identity', code: undefined }),
  fc.constantFrom('if-match', 'if-none-match').map((name) => ({ name, value: '"1"', code: 'request-invalid' })),
  fc.constantFrom('PUT', 'PATCH', 'DELETE', 'GET').map((value) => ({
    ...{ name: 'x-http-method-override', value, code: 'request-invalid' },
  })),
  fc.constantFrom('start', 'upload, finalize', 'query').map((value) => ({
    ...{ name: 'x-goog-upload-command', value, code: 'request-invalid' },
  })),
  number.map((size) => ({ name: 'x-upload-content-length', value: String(size), code: 'request-invalid' })),
  fc.constantFrom('range', 'content-language', 'content-location', 'x-own').map((name) => ({
    ...{ name, value: 'bytes=0-9', code: undefined },
  })),
);

type Fate = 'right' | 'wrong' | 'malformed';

interface DigestWish {
  name: 'content-digest' | 'repr-digest' | 'digest' | 'content-md5';
  algorithm: Algorithm;
  fate: Fate;
  isUpperCase: boolean;
  hasUnknown: boolean;
}

const announcedDigest: fc.Arbitrary<DigestWish> = fc.record({
  name: fc.constantFrom('content-digest', 'repr-digest', 'digest', 'content-md5'),
  algorithm: fc.constantFrom('sha-256', 'sha-512', 'sha', 'md5'),
  fate: fc.constantFrom('right', 'right', 'wrong', 'malformed'),
  isUpperCase: fc.boolean(),
  hasUnknown: fc.boolean(),
});

const CODE_OF: Readonly<Record<Fate, string | undefined>> = {
  right: undefined,
  wrong: 'digest-mismatch',
  malformed: 'digest-malformed',
};

/** A digest of the bytes as its header writes it: RFC 9530 (`sha-256=:…:`), RFC 3230 (`SHA-256=…`), RFC 1864. */
const digestHeader = (
  { name, algorithm, fate, isUpperCase, hasUnknown }: DigestWish,
  body: string | Uint8Array,
): MeantHeader => {
  const code = CODE_OF[fate];
  const own = name === 'content-md5' ? 'md5' : algorithm;
  const right = digestOf(own, fate === 'wrong' ? Buffer.concat([Buffer.from(body), Buffer.from('!')]) : body);
  const text = fate === 'malformed' ? right.slice(0, 8) : right;
  if (name === 'content-md5') return { name, value: text, code };
  if (name === 'digest') {
    const known = `${isUpperCase ? own.toUpperCase() : own}=${text}`;
    return { name, value: hasUnknown ? `UNIXsum=30637,${known}` : known, code };
  }
  return { name, value: hasUnknown ? `unixsum=:YWJj:, ${own}=:${text}:` : `${own}=:${text}:`, code };
};

const ROUTES: Readonly<Record<string, Call & { body: string | Uint8Array }>> = {
  'a raw body': { target: '/v1/files?name=a', body: 'a,b\r\n1,2\r\n' },
  'a form': {
    target: '/v1/files',
    headers: { 'content-type': formType() },
    body: formOf([{ name: 'file', fileName: 'a', value: 'x' }]),
  },
  'an export document': {
    target: '/v1/exports',
    headers: { 'content-type': 'application/json' },
    body: '{"name":"a","source":{"text":"x"}}',
  },
  'an upload session': {
    target: '/v1/uploads',
    headers: { 'content-type': 'application/json' },
    body: '{"name":"a","mimeType":"text/csv","size":1}',
  },
};

interface HeadedCall {
  route: string;
  call: Call;
  /** Any of them may be the one that the answer names; none: the request is accepted. */
  codes: string[];
}

/** A request with up to three such headers, of different names. */
export const headedCall: fc.Arbitrary<HeadedCall> = fc
  .record({
    route: fc.constantFrom(...Object.keys(ROUTES)),
    headers: fc.array(fixedHeader, { maxLength: 2 }),
    digests: fc.array(announcedDigest, { maxLength: 2 }),
  })
  .map(({ route, headers, digests }) => {
    const call = ROUTES[route] ?? { body: '' };
    const all = [...headers, ...digests.map((digest) => digestHeader(digest, call.body))];
    const meant = new Map(all.map((header) => [header.name, header]));
    const added = Object.fromEntries([...meant.values()].map(({ name, value }) => [name, value]));
    const codes = [...meant.values()].flatMap(({ code }) => code ?? []);
    return { route, call: { ...call, headers: { ...call.headers, ...added } }, codes };
  });

/** Lines of a form part, with the code of the refusal. */
export const partLine: fc.Arbitrary<{ line: string; code: string | undefined }> = fc.oneof(
  fc.constantFrom('base64', 'quoted-printable', 'x-uuencode').map((value) => ({
    ...{ line: `Content-Transfer-Encoding: ${value}`, code: 'request-invalid' },
  })),
  fc.constantFrom('7bit', '8bit', 'binary').map((value) => ({
    ...{ line: `Content-Transfer-Encoding: ${value}`, code: undefined },
  })),
  fixedHeader
    .filter(({ name }) => name === 'content-range' || name === 'content-encoding')
    .map(({ name, value, code }) => ({ line: `${name}: ${value}`, code })),
  announcedDigest.map((digest) => {
    const { name, value, code } = digestHeader(digest, 'x');
    return { line: `${name}: ${value}`, code };
  }),
);
