import { Busboy } from '@fastify/busboy';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { readParts } from '../../../src/http/request/multipart-body.ts';
import { type FormPart, formOf, inPieces } from '../../support/http/form-bodies.ts';
import { type Parsed, parseForm, streamOf } from '../../support/http/parsed-form.ts';

const SEED = 20_261_124;
/** Bytes that often look like delimiters. */
const awkward = (boundary: string): fc.Arbitrary<Buffer> =>
  fc
    .array(
      fc.oneof(
        fc.constantFrom(
          '\r',
          '\n',
          '\r\n',
          '-',
          '--',
          '\r\n--',
          `--${boundary.slice(0, 3)}`,
          `\r\n-${boundary}`,
          '\0',
          'x',
        ),
        fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes).toString('latin1')),
      ),
      { maxLength: 30 },
    )
    .map((pieces) => Buffer.from(pieces.join(''), 'latin1'))
    .filter((bytes) => !Buffer.concat([Buffer.from('\r\n'), bytes]).includes(`\r\n--${boundary}`));
const forms = fc
  .constantFrom('x', '----WebKitFormBoundary7MA4YWxkTrZu0gW', "a'b(c)+_,-./:=? d", '-'.repeat(20))
  .chain((boundary) =>
    fc.record({
      boundary: fc.constant(boundary),
      parts: fc.array(
        fc.record(
          {
            name: fc.stringMatching(/^[a-zA-Z0-9 _.[\]-]{1,20}$/),
            value: awkward(boundary),
            fileName: fc.stringMatching(/^[a-zA-Z0-9 _.-]{1,20}$/),
            type: fc.constantFrom('text/plain', 'application/octet-stream'),
          },
          { requiredKeys: ['name', 'value'] },
        ),
        { maxLength: 6 },
      ),
      lengths: fc.array(fc.integer({ min: 1, max: 80 }), { minLength: 1, maxLength: 5 }),
    }),
  );
const expectedOf = (parts: readonly FormPart[]): Parsed =>
  parts.map(({ name, fileName, value }) => ({
    name,
    value: Buffer.from(value).toString('latin1'),
    ...(fileName === undefined ? {} : { fileName }),
  }));

describe('any form', () => {
  test('returns its parts byte for byte, however it is split', async () => {
    await fc.assert(
      fc.asyncProperty(forms, async ({ boundary, parts, lengths }) => {
        expect(await parseForm(formOf(parts, boundary), boundary, lengths)).toEqual(expectedOf(parts));
      }),
      { seed: SEED, numRuns: 1_500 },
    );
  });

  test('may end a part without bytes by the same line break as its header', async () => {
    const head = (name: string) => `--x\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n`;
    const form = Buffer.from(`${head('empty')}${head('next')}value\r\n--x--\r\n`);
    for (const length of [1, 7, 4096]) {
      expect(await parseForm(form, 'x', [length])).toEqual([
        { name: 'empty', value: '' },
        { name: 'next', value: 'value' },
      ]);
    }
  });

  test('that is cut anywhere is truncated, and its parts before the cut are the first of the whole', async () => {
    await fc.assert(
      fc.asyncProperty(
        forms,
        fc.double({ min: 0, max: 1, noNaN: true }),
        async ({ boundary, parts, lengths }, where) => {
          const whole = formOf(parts, boundary);
          const end = whole.byteLength - '\r\n'.length;
          const cut = whole.subarray(0, Math.min(end - 1, Math.floor(where * end)));
          const seen: string[] = [];
          const read = async (): Promise<void> => {
            for await (const part of readParts(streamOf(inPieces(cut, lengths)), boundary)) {
              const pieces: Uint8Array[] = [];
              for await (const piece of part.read()) pieces.push(piece);
              seen.push(Buffer.concat(pieces).toString('latin1'));
            }
          };
          await expect(read()).rejects.toMatchObject({ code: 'body-truncated' });
          expect(parts.slice(0, seen.length).map(({ value }) => Buffer.from(value).toString('latin1'))).toEqual(seen);
        },
      ),
      { seed: SEED, numRuns: 1_500 },
    );
  });

  test('with bytes changed, removed or inserted yields parts or an error code', async () => {
    await fc.assert(
      fc.asyncProperty(
        forms,
        fc.array(
          fc.record({ at: fc.nat(), drop: fc.integer({ min: 0, max: 4 }), add: fc.uint8Array({ maxLength: 4 }) }),
          {
            minLength: 1,
            maxLength: 5,
          },
        ),
        async ({ boundary, parts, lengths }, changes) => {
          let bytes: Buffer = formOf(parts, boundary);
          for (const { at, drop, add } of changes) {
            const where = at % (bytes.byteLength + 1);
            bytes = Buffer.concat([bytes.subarray(0, where), add, bytes.subarray(where + drop)]);
          }
          const parsed = await parseForm(bytes, boundary, lengths);
          if ('code' in parsed) expect(['request-invalid', 'body-truncated']).toContain(parsed.code);
          // The split makes no difference to the result.
          expect(await parseForm(bytes, boundary, [bytes.byteLength + 1])).toEqual(parsed);
        },
      ),
      { seed: SEED, numRuns: 2_000 },
    );
  });

  test('is parsed as busboy parses it', async () => {
    const busboy = (bytes: Uint8Array, boundary: string, lengths: readonly number[]): Promise<Parsed> =>
      new Promise((resolve, reject) => {
        const parts: { name: string; fileName?: string; value: string }[] = [];
        const type = `multipart/form-data; boundary="${boundary}"`;
        const parser = new Busboy({ headers: { 'content-type': type }, defCharset: 'latin1', preservePath: true });
        parser
          .on('field', (name, value) => void parts.push({ name, value }))
          .on('file', (name, stream, fileName) => {
            const part = { name, fileName, value: '' };
            parts.push(part);
            stream.on('data', (piece: Buffer) => {
              part.value += piece.toString('latin1');
            });
          })
          .on('finish', () => resolve(parts))
          .on('error', reject);
        for (const piece of inPieces(bytes, lengths)) parser.write(piece);
        parser.end();
      });
    await fc.assert(
      fc.asyncProperty(forms, async ({ boundary, parts, lengths }) => {
        // For a part without a file name, busboy treats application/octet-stream as a file; RFC 7578 does not.
        const plain = parts.map((part) =>
          part.fileName === undefined ? { name: part.name, value: part.value } : part,
        );
        const bytes = formOf(plain, boundary);
        expect(await parseForm(bytes, boundary, lengths)).toEqual(await busboy(bytes, boundary, lengths));
      }),
      { seed: SEED, numRuns: 300 },
    );
  });
});
