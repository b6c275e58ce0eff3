import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import naughtyStrings from 'big-list-of-naughty-strings' with { type: 'json' };
import fc from 'fast-check';
import { formOf, formType, inPieces } from '../../support/http/form-bodies.ts';
import { type Answer, type Call, type Entry, startEntry } from '../../support/http/http-forms.ts';

const SEED = 20_261_124;
const RUNS = { seed: SEED, numRuns: 400 };

/** Header values that Node's own client can send. */
const headerValue = fc
  .string({ unit: fc.integer({ min: 0x20, max: 0xff }).map((code) => String.fromCharCode(code)), maxLength: 120 })
  .filter((value) => !value.includes('\x7f'));
/** A text cut into pieces and recombined with pieces of others. */
const mangled = (...seeds: readonly string[]): fc.Arbitrary<string> =>
  fc
    .array(
      fc.oneof(
        fc
          .tuple(fc.constantFrom(...seeds), fc.nat(60), fc.nat(60))
          .map(([seed, from, length]) => seed.slice(from, from + length)),
        fc.constantFrom(...seeds),
        fc.constantFrom(';', ':', '=', '"', '\\', ',', ' ', '\t', '%', "''", '*', '-', '\u00e9'),
      ),
      { minLength: 1, maxLength: 8 },
    )
    .map((pieces) => pieces.join(''));

describe.each(['HTTP/1.1', 'h2c', 'function'] as const)('every invalid input is rejected cleanly, %s', (form) => {
  let entry: Entry;
  beforeAll(async () => {
    entry = await startEntry(form);
  });
  afterAll(() => entry.close());

  /**
   * Every response is a receipt for a delivery or a problem that is not an internal error, and no delivery lacks a
   * receipt.
   */
  const send = async (call: Call, kinds: readonly number[] = [201, 400]): Promise<Answer> => {
    const { delivered } = entry.services;
    delivered.length = 0;
    const answer = await entry.send(call);
    expect({ call, status: answer.status, text: answer.text }).toEqual({
      call,
      status: kinds.find((kind) => kind === answer.status),
      text: answer.text,
    });
    const isDelivered = answer.status === 201 && answer.json.sha256 !== undefined;
    expect(delivered.length).toBe(isDelivered ? 1 : 0);
    const [last] = delivered;
    if (last !== undefined) {
      expect(answer.json).toMatchObject({
        name: last.delivery.options.name,
        size: last.bytes.byteLength,
        sha256: createHash('sha256').update(last.bytes).digest('hex'),
      });
    }
    return answer;
  };
  const named = 'name=a';

  test('names from the Big List of Naughty Strings, in the query, in a form and as a file’s name', async () => {
    for (const name of naughtyStrings) {
      const inQuery = await send({ target: `/v1/files?name=${encodeURIComponent(name.toWellFormed())}`, body: 'x' });
      const inForm = await send({
        target: '/v1/files',
        headers: { 'content-type': formType() },
        body: formOf([
          { name: 'name', value: name },
          { name: 'file', fileName: 'f', value: 'x' },
        ]),
      });
      expect(inForm.status).toBe(inQuery.status);
      expect(inForm.json.name).toBe(inQuery.json.name);
      if (inQuery.status === 201) expect(inQuery.json.name).toBe(name.normalize('NFC').trim());
      const quoted = Buffer.from(name.replace(/[\r\n"]/g, encodeURIComponent)).toString('utf8');
      await send({
        target: '/v1/files',
        headers: { 'content-type': formType() },
        body: formOf([{ name: 'file', fileName: quoted, value: 'x' }]),
      });
    }
  });

  test('queries', async () => {
    const piece = fc.oneof(
      fc.constantFrom(
        'name=',
        'path=',
        'onConflict=',
        '&',
        '=',
        '+',
        '%',
        '%00',
        '%2e%2e',
        '%2F',
        '%ff',
        '%F0%9F%98%80',
        '?',
        ';',
        '__proto__',
        '[]',
        'a',
        '//',
      ),
      fc.stringMatching(/^[!-"$-~]{0,8}$/),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(piece, { maxLength: 12 }), async (pieces) => {
        await send({ target: `/v1/files?${named}&${pieces.join('')}`, body: 'x' });
      }),
      RUNS,
    );
  });

  test('paths', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.constantFrom('a', '/', '\\', '.', '..', ' ', '\0', '📊', '\u0301', '%2f', '~')),
        async (pieces) => {
          const query = new URLSearchParams({ name: 'a', path: pieces.join('') });
          const { status } = await send({ target: `/v1/files?${query}`, body: 'x' });
          const { path } = entry.services.delivered[0]?.delivery.options ?? {};
          if (status === 201)
            expect(path?.split('/').some((folder) => /^\.{1,2}$|[\\\0]|^ | $/.test(folder))).toBe(false);
        },
      ),
      RUNS,
    );
  });

  test('digests, keys, names, types and traces in headers', async () => {
    const sha256 = createHash('sha256').update('x').digest('base64');
    const header = fc.oneof(
      fc.tuple(
        fc.constant('content-digest'),
        mangled(`sha-256=:${sha256}:`, 'sha-512=:YWJj:', ';a=1', ';b="x y"', ', '),
      ),
      fc.tuple(fc.constant('idempotency-key'), fc.oneof(headerValue, mangled('key-1', 'k'.repeat(130)))),
      fc.tuple(
        fc.constant('content-disposition'),
        mangled('attachment; filename="a.csv"', `filename*=UTF-8''na%C3%AFve.csv`, 'form-data; name=x', '; filename=b'),
      ),
      fc.tuple(
        fc.constant('content-type'),
        mangled('text/csv; charset=utf-8', 'multipart/form-data; boundary="x"', 'application/json'),
      ),
      fc.tuple(
        fc.constantFrom('traceparent', 'x-cloud-trace-context'),
        mangled('00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01', '105445aa7843bc8bf206b12000100000/1;o=1'),
      ),
      fc.tuple(
        fc.constantFrom('content-digest', 'content-type', 'content-disposition', 'content-encoding', 'traceparent'),
        headerValue,
      ),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(header, { maxLength: 3 }), async (headers) => {
        const { headers: answered } = await send(
          { target: `/v1/files?${named}`, headers: Object.fromEntries(headers), body: 'x' },
          [201, 400, 415, 422],
        );
        expect(answered['x-request-id']).toMatch(/^[\da-f]{32}$/);
      }),
      { ...RUNS, numRuns: 800 },
    );
  });

  test('forms with bytes changed, removed or inserted', async () => {
    const whole = formOf([
      { name: 'name', value: 'naïve.csv' },
      { name: 'path', value: 'a/b' },
      { name: 'file', fileName: 'f.csv', type: 'text/csv', value: 'a,b\r\n1,2\r\n' },
    ]);
    const change = fc.record({
      at: fc.nat(whole.byteLength),
      drop: fc.integer({ min: 0, max: 6 }),
      add: fc.oneof(
        fc.uint8Array({ maxLength: 4 }),
        fc.constantFrom('\r\n', '--', '"', ';', '\0', '=').map((text) => Buffer.from(text)),
      ),
    });
    await fc.assert(
      fc.asyncProperty(
        fc.array(change, { minLength: 1, maxLength: 4 }),
        fc.array(fc.integer({ min: 1, max: 200 }), { minLength: 1, maxLength: 4 }),
        async (changes, lengths) => {
          let bytes: Buffer = whole;
          for (const { at, drop, add } of changes) {
            bytes = Buffer.concat([bytes.subarray(0, at), add, bytes.subarray(at + drop)]);
          }
          const call = { target: '/v1/files', headers: { 'content-type': formType() }, body: inPieces(bytes, lengths) };
          await send(call, [201, 400, 415]);
        },
      ),
      RUNS,
    );
  });

  test('JSON', async () => {
    const json = { 'content-type': 'application/json' };
    const value = fc.oneof(
      fc.jsonValue({ maxDepth: 3 }),
      fc.constantFrom(1e308, -1, 0.5, 2 ** 53, '\0', '\ud800', '', null, [], {}, 'a/b', '..', 'x'.repeat(300)),
    );
    const key = fc.oneof(
      fc.constantFrom('name', 'path', 'mimeType', 'size', 'destination', 'onConflict', 'convertTo', 'description'),
      fc.constantFrom('__proto__', 'constructor', 'toString', 'valueOf', 'then', 'length', ''),
      fc.string({ maxLength: 6 }),
    );
    const text = fc.oneof(
      fc.array(fc.tuple(key, value), { maxLength: 8 }).map((pairs) => {
        // Written by hand, so that a key can appear twice.
        const members = pairs.map(([name, member]) => `${JSON.stringify(name)}:${JSON.stringify(member)}`);
        return `{"name":"a","mimeType":"text/csv","size":1${members.map((member) => `,${member}`).join('')}}`;
      }),
      fc.json({ maxDepth: 6 }),
      mangled('{"name":"a",', '"size":1e999,', '"mimeType":"text/csv"}', '[[[[', '\\ud800', '"\\u0000"', '-0', '{"a":'),
    );
    await fc.assert(
      fc.asyncProperty(text, async (body) => {
        await send({ target: '/v1/uploads', headers: json, body }, [201, 400]);
        await send({ target: '/v1/uploads/x/complete', headers: json, body }, [400, 409]);
      }),
      RUNS,
    );
  });

  test('methods and targets', async () => {
    const target = fc
      .array(
        fc.constantFrom(
          '/',
          'v1',
          'files',
          'uploads',
          'complete',
          '..',
          '.',
          '%2e',
          '%',
          '%zz',
          '%00',
          '?',
          '#',
          '//',
          ':',
          '@',
          '\\',
          '~',
          'é'.normalize('NFD').slice(0, 1),
        ),
        { maxLength: 8 },
      )
      .map((pieces) => `/${pieces.join('')}`);
    const method = fc.constantFrom(
      'GET',
      'HEAD',
      'POST',
      'PUT',
      'PATCH',
      'DELETE',
      'OPTIONS',
      'TRACE',
      'SEARCH',
      'MKCOL',
    );
    await fc.assert(
      fc.asyncProperty(method, target, async (asked, path) => {
        await send({ method: asked, target: path }, [200, 204, 400, 404, 405, 415, 409]);
      }),
      RUNS,
    );
  });
});
