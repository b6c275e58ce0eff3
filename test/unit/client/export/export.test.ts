import { createHash } from 'node:crypto';
import { pathToFileURL } from 'node:url';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { createDocumentScan } from '../../../../src/client/export/document-key.ts';
import type { ExportInput } from '../../../../src/client/index.ts';
import { createRecordingCourier } from '../../../support/courier/recording-courier.ts';

const { seen, statuses, client, written, run } = createRecordingCourier();

/** Parsing and printing changes each of these. */
const DOCUMENTS: readonly [string, string][] = [
  ['an integer past 2^53', '{"name":"a.csv","source":{"rows":[{"id":9007199254740993}]}}'],
  ['a trailing zero', '{"name":"a.csv","source":{"rows":[{"price":12.50}]}}'],
  ['a number past the largest double', '{"name":"a.csv","source":{"rows":[{"n":1e400,"m":-0,"e":1E+2}]}}'],
  ['a number below the smallest double', '{"name":"a.csv","source":{"rows":[{"n":1e-400}]}}'],
  ['keys that are numbers', '{"name":"a.csv","source":{"rows":[{"name":"x","2024":1,"10":2}]}}'],
  ['a key that is there twice', '{"name":"a.csv","source":{"rows":[{"a":1,"a":2}]}}'],
  ['a key that is there twice at the top', '{"name":"a.csv","name":"b.csv","source":{"text":""}}'],
  ['the key __proto__', '{"name":"a","source":{"json":{"__proto__":{"a":1}}}}'],
  ['a byte order mark', '\ufeff{"name":"a.txt","source":{"text":"x"}}'],
  ['spaces and a trailing newline', ' \r\n{ "name" :\t"a.txt", "source": {"text":"x"} }\r\n\n'],
  ['escapes', '{"name":"\\u00e4\\/b","source":{"text":"\\ud83d\\ude00 \\u0041"}}'],
  ['a lone surrogate', '{"name":"a","source":{"text":"\\ud800"}}'],
  ['an end in the middle', '{"name":"a","source":{"te'],
  ['a key of its own', '{"idempotencyKey":"mine","name":"a.txt","source":{"text":"9007199254740993"}}'],
];

describe.each(DOCUMENTS)('a document with %s is forwarded byte for byte', (_, text) => {
  const bytes = Buffer.from(text);
  const forwarded = () => seen.map(({ body }) => body.toString('latin1'));
  const expected = [bytes.toString('latin1')];

  test('from a file', async () => {
    await run(['export', written(bytes)]);
    expect(forwarded()).toEqual(expected);
  });

  test('from standard input', async () => {
    await run(['export', '-'], [bytes.subarray(0, 9), bytes.subarray(9)]);
    expect(forwarded()).toEqual(expected);
  });

  test('with a separate key', async () => {
    await run(['export', '-', '--key', 'mine'], [bytes]);
    expect(forwarded()).toEqual(expected);
  });

  test.each<[string, () => ExportInput]>([
    ['text', () => text],
    ['bytes', () => bytes],
    ['a path', () => written(bytes)],
    ['a file URL', () => pathToFileURL(written(bytes))],
    ['a Blob', () => new Blob([bytes])],
    ['a web stream', () => new Blob([bytes]).stream()],
  ])('passed to the library as %s', async (_, input) => {
    await client().export(input());
    expect(forwarded()).toEqual(expected);
  });
});

test('bytes that are not UTF-8 are forwarded unchanged', async () => {
  const bytes = Buffer.from('{"name":"a","source":{"text":"\xe4"}}', 'latin1');
  await client().export(bytes);
  expect(seen[0]?.body.equals(bytes)).toBe(true);
});

describe('the idempotency key', () => {
  const BARE = Buffer.from('{"name":"a.txt","source":{"text":"x"}}');

  test('is a header that is the same for each attempt', async () => {
    statuses.push(503, 503);
    await client().export(BARE);
    const keys = seen.map(({ headers }) => headers['idempotency-key']);
    expect(keys).toHaveLength(3);
    expect(new Set(keys).size).toBe(1);
    expect(keys[0]).toMatch(/^[\x21-\x7e]+$/);
    for (const { body } of seen) expect(body.equals(BARE)).toBe(true);
  });

  test('is the given one', async () => {
    await run(['export', '-', '--key', 'given'], [BARE]);
    await client().export(BARE, { idempotencyKey: 'given' });
    await client().export({ name: 'a.txt', source: { text: 'x' } }, { idempotencyKey: 'given' });
    expect(seen.map(({ headers }) => headers['idempotency-key'])).toEqual(['given', 'given', 'given']);
  });

  test.each([
    ['at the front', '{"idempotencyKey":"own","name":"a"}'],
    ['at the end', '{"name":"a","source":{"json":{"idempotencyKey":"other"}},"idempotencyKey": "own"}'],
    ['in other letters', '{"idempotency\\u004bey":"\\u006fwn"}'],
    ['with two values, of which the courier will complain', '{"idempotencyKey":"own","idempotencyKey":"other"}'],
  ])('in the document stays the only one, %s', async (_, text) => {
    statuses.push(429);
    const { code, output } = await run(['export', '-'], [Buffer.from(text)]);
    expect([code, seen.map(({ headers }) => headers['idempotency-key'])]).toEqual([0, [undefined, undefined]]);
    expect(output).not.toContain('--key');
    seen.length = 0;
    expect(await run(['export', '-', '--key', 'different'], [Buffer.from(text)])).toMatchObject({ code: 64 });
    expect(seen).toEqual([]);
  });

  test.each([
    ['a key that is no text', '{"idempotencyKey":7}'],
    ['an empty one', '{"idempotencyKey":""}'],
  ])('is not generated in addition to %s', async (_, text) => {
    await client().export(text);
    expect(seen[0]?.headers['idempotency-key']).toBeUndefined();
  });

  test.each([
    ['within', '{"name":"a","source":{"json":{"idempotencyKey":"other"}}}'],
    ['in a list', '{"name":"a","source":{"json":[{"idempotencyKey":"other"}]}}'],
    ['as a value', '{"name":"idempotencyKey","source":{"text":"idempotencyKey"}}'],
    ['in a text', '{"name":"a","source":{"text":"\\",\\"idempotencyKey\\":\\"x\\""}}'],
  ])('is generated for a document that contains such a word only %s', async (_, text) => {
    await client().export(text);
    expect(seen[0]?.headers['idempotency-key']).toMatch(/^[\da-f-]{36}$/);
  });

  test('that no courier accepts is a usage error', async () => {
    await expect(client().export(BARE, { idempotencyKey: 'ä' })).rejects.toMatchObject({ code: 'usage', exitCode: 64 });
  });
});

test.each([
  ['{"source":{"gcsPrefix":"gs://b/x/"}}', true],
  ['{"idempotencyKey":"k","source" : { "match" : "*", "gcsPrefix" : "gs://b/x/" },"path":"p"}', true],
  ['{"source":{"gcsPrefix":"gs://b/x/","join":"csv"},"name":"a"}', false],
  ['{"name":"a","source":{"text":"gcsPrefix"}}', false],
  ['{"name":"a","source":{"json":{"gcsPrefix":"x"}}}', false],
  ['{"name":"a","source":{"rows":[{"gcsPrefix":"x"}]},"gcsPrefix":1}', false],
  ['{"name":"a","other":{"gcsPrefix":"x"},"source":{"text":""}}', false],
])('a document whose response would be many receipts is not sent: %s', async (text, isMany) => {
  const result = await client()
    .export(text)
    .catch((error: unknown) => error);
  if (isMany) expect(result).toMatchObject({ code: 'usage', exitCode: 64 });
  expect(seen).toHaveLength(isMany ? 0 : 1);
});

test('the scan finds the key in whatever pieces the document arrives', () => {
  const document = fc.record({ json: fc.jsonValue(), key: fc.option(fc.string({ unit: 'binary', maxLength: 20 })) });
  fc.assert(
    fc.property(document, fc.array(fc.nat(40), { maxLength: 20 }), ({ json, key }, cuts) => {
      const members = key === null ? { json } : { json, idempotencyKey: key };
      let bytes = Buffer.from(JSON.stringify(members));
      const scan = createDocumentScan();
      for (const cut of cuts) {
        scan.add(bytes.subarray(0, cut));
        bytes = bytes.subarray(cut);
      }
      scan.add(bytes);
      expect(scan.facts()).toEqual({ isObject: true, hasKey: key !== null, key: key ?? undefined, isMany: false });
    }),
  );
});

describe('a large document', () => {
  const large = Buffer.from(`{"name":"a.txt","source":{"text":"${'x'.repeat(12 * 1024 * 1024)}"}}`);

  test('from a file is read again for each attempt, with its length and digest', async () => {
    statuses.push(503);
    await client().export(written(large));
    const digest = `sha-256=:${createHash('sha256').update(large).digest('base64')}:`;
    expect(seen.map(({ headers }) => [headers['content-length'], headers['content-digest']])).toEqual([
      [String(large.length), digest],
      [String(large.length), digest],
    ]);
    expect(seen.every(({ body }) => body.equals(large))).toBe(true);
  });

  test('from a stream is sent once as it arrives, without a key that its end might contradict', async () => {
    const stream = async function* () {
      for (let at = 0; at < large.length; at += 1_000_000) yield large.subarray(at, at + 1_000_000);
    };
    await client().export(stream());
    await client().export(stream(), { idempotencyKey: 'given' });
    expect(seen.map(({ headers }) => [headers['content-length'], headers['idempotency-key']])).toEqual([
      [undefined, undefined],
      [undefined, 'given'],
    ]);
    expect(seen.every(({ body }) => body.equals(large))).toBe(true);
    statuses.push(503);
    await expect(client().export(stream())).rejects.toMatchObject({ code: 'busy', idempotencyKey: undefined });
    expect(seen).toHaveLength(3);
  });
});

describe('usage errors that send nothing', () => {
  test.each<[string, unknown]>([
    ['a list', '[1]'],
    ['a list of JavaScript', []],
    ['a number', 7],
    ['nothing', null],
    ['an empty file', Buffer.alloc(0)],
    ['a table', Buffer.from('a,b\n1,2\n')],
    ['UTF-16', Buffer.from('\ufeff{"name":"a"}', 'utf16le')],
    ['a number that JSON cannot express', { name: 'a', source: { rows: [{ a: Number.NaN }] } }],
    ['another one', { name: 'a', source: { json: Number.POSITIVE_INFINITY } }],
    ['text with a lone surrogate', '{"name":"\ud800"}'],
  ])('%s', async (_, input) => {
    const wrong = input === '[1]' ? Buffer.from('[1]') : (input as ExportInput);
    await expect(client().export(wrong)).rejects.toMatchObject({ code: 'usage', exitCode: 64 });
    expect(seen).toEqual([]);
  });

  test('a circular object', async () => {
    const circular: Record<string, unknown> = {};
    circular.self = circular;
    await expect(client().export(circular as unknown as ExportInput)).rejects.toMatchObject({ code: 'usage' });
  });
});

test('a BigInt keeps its digits', async () => {
  await client().export({ name: 'a', source: { rows: [{ id: 9007199254740993n }] } });
  expect(seen[0]?.body.toString()).toContain('{"id":9007199254740993}');
});
