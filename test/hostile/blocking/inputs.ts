import { SUBSCRIPTION } from '../../../local/google/world/names.ts';

/** The maximum of a header: Node rejects more than some 64 KB of them. */
const HEADER_BYTES = 24_000;
const PART_HEADER_BYTES = 8_000;
const TEXT_BYTES = 200_000;

export interface CourierRequest {
  path?: string;
  headers?: Readonly<Record<string, string>>;
  body?: string | Uint8Array;
}

/** Pieces that regular expressions of the courier search for. A pattern that backtracks is slow on a long repetition of one of them. */
export const PIECES = [
  ...[
    ' ',
    '\t',
    '=',
    '"',
    '\\',
    "'",
    ',',
    ';',
    ':',
    '/',
    '%',
    '.',
    '-',
    '_',
    '*',
    '&',
    '+',
    '?',
    '@',
    '#',
    '|',
    '(',
    '{',
  ],
  ...[
    'a',
    '0',
    '\u0315\u0300\u05ae\u0300',
    'é',
    '%41',
    '%C3%A4',
    '=?',
    '?=',
    '=?utf-8?Q?',
    '=?utf-8?B?YQ==?= ',
    '""',
    '\\"',
    '; a="',
    ';a=b',
    ', ',
    ' =',
    '..',
  ],
  ...['/a', './', ':a=', 'a:', 'sha-256=:', 'sha-256=:YQ==:, ', 'a=:YQ==:;b="', '-0', '00-', '1;o=', "utf-8''", 'key='],
] as const;

const repeat = (piece: string, length: number): string =>
  piece.repeat(Math.max(1, Math.floor(length / Buffer.byteLength(piece))));

/** Hostile texts of about this length: one piece repeated, with a start and an end that match nothing. */
export const hostile = (length: number): string[] =>
  PIECES.flatMap((piece) => [repeat(piece, length), `a${repeat(piece, length)}!`]);

const json = (value: unknown): Pick<CourierRequest, 'headers' | 'body'> => ({
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify(value),
});
const form = (lines: string, value = 'x'): Pick<CourierRequest, 'headers' | 'body'> => ({
  headers: { 'content-type': 'multipart/form-data; boundary=b' },
  body: `--b\r\n${lines}\r\n\r\n${value}\r\n--b--\r\n`,
});
export const push = (message: object): CourierRequest => ({
  path: '/v1/pubsub',
  ...json({ message: { messageId: '1', ...message }, subscription: SUBSCRIPTION }),
});

/** A header value as fetch sends it, with bytes above ASCII as Latin-1. */
const inHeader = (text: string): string =>
  Buffer.from(text)
    .toString('latin1')
    .replace(/[\r\n\0]/g, '');

const header =
  (name: string): ((text: string) => CourierRequest) =>
  (text) => ({
    headers: { [name]: inHeader(text) },
    body: 'x',
  });

/** Every place of a request where a caller can put text, with the longest text that it may have. */
export const INPUT_PLACES: readonly (readonly [
  what: string,
  length: number,
  requestWith: (text: string) => CourierRequest,
])[] = [
  ...[
    'authorization',
    'content-type',
    'content-digest',
    'repr-digest',
    'digest',
    'content-md5',
    'content-disposition',
    'content-encoding',
    'content-range',
    'idempotency-key',
    'traceparent',
    'x-cloud-trace-context',
    'x-cloudscheduler-scheduletime',
    'x-cloudtasks-taskname',
    'accept',
    'cookie',
  ].map((name) => [`the header ${name}`, HEADER_BYTES, header(name)] as const),
  [
    'the boundary of a form',
    HEADER_BYTES,
    (text) => ({ ...form('X: y'), headers: { 'content-type': `multipart/form-data; boundary=${inHeader(text)}` } }),
  ],
  [
    'a quoted boundary',
    HEADER_BYTES,
    (text) => ({ ...form('X: y'), headers: { 'content-type': `multipart/form-data; boundary="${inHeader(text)}` } }),
  ],
  [
    'the file name of a request',
    HEADER_BYTES,
    (text) => header('content-disposition')(`attachment; filename="${text}"`),
  ],
  [
    'the extended file name of a request',
    HEADER_BYTES,
    (text) => header('content-disposition')(`attachment; filename*=utf-8''${text}`),
  ],
  ['a header of a part', PART_HEADER_BYTES, (text) => form(`X-A:${text}\n`)],
  [
    'a name of a part',
    PART_HEADER_BYTES,
    (text) => form(`Content-Disposition: form-data; name="${text}"; filename="a"`),
  ],
  [
    'a file name of a part',
    PART_HEADER_BYTES,
    (text) => form(`Content-Disposition: form-data; name=f; filename="${text}"`),
  ],
  [
    'an extended file name of a part',
    PART_HEADER_BYTES,
    (text) => form(`Content-Disposition: form-data; name=f; filename*=utf-8''${text}`),
  ],
  ['a disposition of a part', PART_HEADER_BYTES, (text) => form(`Content-Disposition: ${text}`)],
  [
    'a type of a part',
    PART_HEADER_BYTES,
    (text) => form(`Content-Disposition: form-data; name=f; filename=a\r\nContent-Type: ${text}`),
  ],
  [
    'a digest of a part',
    PART_HEADER_BYTES,
    (text) => form(`Content-Disposition: form-data; name=f; filename=a\r\nContent-Digest: ${text}`),
  ],
  ['a form without order', TEXT_BYTES, (text) => ({ ...form(''), body: text })],
  ['the file of a form', TEXT_BYTES, (text) => form('Content-Disposition: form-data; name=f; filename=a', text)],
  ['a field of a form', 16_000, (text) => form('Content-Disposition: form-data; name=name', text)],
  ['a query', HEADER_BYTES, (text) => ({ path: `/v1/files?name=a&${encodeURI(text).replace(/#/g, '')}`, body: 'x' })],
  [
    'a name in the query',
    HEADER_BYTES / 3,
    (text) => ({ path: `/v1/files?name=${encodeURIComponent(text)}`, body: 'x' }),
  ],
  [
    'a path in the query',
    HEADER_BYTES / 3,
    (text) => ({ path: `/v1/files?name=a&path=${encodeURIComponent(text)}`, body: 'x' }),
  ],
  ['a target', HEADER_BYTES / 3, (text) => ({ path: `/${encodeURIComponent(text)}` })],
  ['an upload id', HEADER_BYTES / 3, (text) => ({ path: `/v1/uploads/${encodeURIComponent(text)}/complete` })],
  [
    'the name of an upload',
    60_000,
    (text) => ({ path: '/v1/uploads', ...json({ name: text.slice(0, 20_000), mimeType: 'text/csv', size: 1 }) }),
  ],
  [
    'the type of an upload',
    60_000,
    (text) => ({ path: '/v1/uploads', ...json({ name: 'a', mimeType: text.slice(0, 20_000), size: 1 }) }),
  ],
  ['a document that is no JSON', TEXT_BYTES, (text) => ({ path: '/v1/exports', ...json(''), body: text })],
  [
    'a document open in every bracket',
    TEXT_BYTES,
    (text) => ({ path: '/v1/exports', ...json(''), body: `{"name":"a","source":{"json":[[{"${text}` }),
  ],
  ['a text of a document', TEXT_BYTES, (text) => ({ path: '/v1/exports', ...json({ name: 'a', source: { text } }) })],
  [
    'a base64 of a document',
    TEXT_BYTES,
    (text) => ({ path: '/v1/exports', ...json({ name: 'a', source: { base64: text } }) }),
  ],
  [
    'an object of a document',
    TEXT_BYTES,
    (text) => ({ path: '/v1/exports', ...json({ name: 'a', source: { gcs: `gs://bucket/${text}` } }) }),
  ],
  [
    'the bucket of a document',
    TEXT_BYTES,
    (text) => ({ path: '/v1/exports', ...json({ name: 'a', source: { gcs: `gs://${text}` } }) }),
  ],
  [
    'a cell of a document',
    TEXT_BYTES,
    (text) => ({ path: '/v1/exports', ...json({ name: 'a', source: { rows: [{ a: text, [text]: 1 }] } }) }),
  ],
  [
    'the name of a document',
    TEXT_BYTES,
    (text) => ({
      path: '/v1/exports',
      ...json({
        name: text,
        path: text,
        mimeType: text,
        idempotencyKey: text,
        description: text,
        source: { text: 'x' },
      }),
    }),
  ],
  [
    'an attribute of a message',
    TEXT_BYTES,
    (text) => push({ data: '', attributes: { name: text, path: text, mimeType: text, [text]: text } }),
  ],
  [
    'the object of a notification',
    TEXT_BYTES,
    (text) =>
      push({ attributes: { eventType: 'OBJECT_FINALIZE', bucketId: text, objectId: text, objectGeneration: text } }),
  ],
  ['the secret of a notification', TEXT_BYTES, (text) => push({ attributes: { eventType: text, secretId: text } })],
  ['the data of a message', TEXT_BYTES, (text) => push({ data: text })],
  [
    'the subscription of a message',
    TEXT_BYTES,
    (text) => ({ path: '/v1/pubsub', ...json({ message: { messageId: text, data: '' }, subscription: text }) }),
  ],
];
