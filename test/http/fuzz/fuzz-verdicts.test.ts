import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { formOf, formType } from '../../support/http/form-bodies.ts';
import { headedCall, partLine } from '../../support/fuzz/body-headers.ts';
import {
  base64Document,
  brokenDocument,
  brokenRowsDocument,
  numbersDocument,
  rowsDocument,
} from '../../support/fuzz/export-documents.ts';
import { typedCall } from '../../support/fuzz/media-types.ts';
import { namedCall } from '../../support/fuzz/names.ts';
import { type Call, type Entry, startEntry } from '../../support/http/http-forms.ts';

/*
 * Generated requests with exactly one right answer, which is known before the request is sent: accepted with this name, this
 * type and these bytes, or refused with this code. To see one failure again, give fast-check the printed seed and path.
 */

const RUNS = { seed: 20_261_129, numRuns: 600 };

describe.each(['HTTP/1.1', 'h2c', 'function'] as const)('generated inputs are judged rightly, %s', (form) => {
  let entry: Entry;
  let opened: string[] = [];
  beforeAll(async () => {
    entry = await startEntry(form, {
      services: {
        async openUpload({ options }) {
          opened.push(options.mimeType);
          return {
            id: 'u',
            uploadUrl: 'https://u',
            expiresTime: '2026-12-01T12:00:00.000Z',
            chunkGranularity: 262_144,
          };
        },
      },
    });
  });
  afterAll(() => entry.close());

  /** What came of a request: the file that was delivered or announced, or the refusal. */
  const outcomeOf = async (call: Call) => {
    const { delivered } = entry.services;
    delivered.length = 0;
    opened = [];
    const { status, json } = await entry.send(call);
    const [last] = delivered;
    // A refusal leaves nothing behind, and nothing is delivered without a receipt.
    expect(delivered.length + opened.length).toBe(status === 201 ? 1 : 0);
    if (status !== 201) return { status, code: json.code };
    if (last === undefined) return { status, mimeType: opened[0] };
    const { delivery, bytes } = last;
    expect(json.sha256).toBe(createHash('sha256').update(bytes).digest('hex'));
    return { status, name: delivery.options.name, mimeType: delivery.source.mimeType, bytes };
  };

  test('names in every encoding', async () => {
    await fc.assert(
      fc.asyncProperty(namedCall, async ({ call, verdict, way, text }) => {
        const { name, code } = { name: undefined, code: undefined, ...(await outcomeOf(call)) };
        expect({ way, text, ...('name' in verdict ? { name } : { code }) }).toEqual({ way, text, ...verdict });
      }),
      { ...RUNS, numRuns: 1_500 },
    );
  });

  test('media types in every place', async () => {
    await fc.assert(
      fc.asyncProperty(typedCall, async ({ call, verdict, place, text }) => {
        const outcome = await outcomeOf(call);
        expect({ place, text, ...outcome }).toMatchObject({ place, text, ...verdict });
      }),
      RUNS,
    );
  });

  test('headers that change the meaning of a body, and digests', async () => {
    await fc.assert(
      fc.asyncProperty(headedCall, async ({ route, call, codes }) => {
        const { status, code } = { code: undefined, ...(await outcomeOf(call)) };
        const isExpected = codes.length === 0 ? status === 201 : codes.includes(String(code));
        expect({ route, headers: call.headers, codes, status, code, isExpected }).toMatchObject({ isExpected: true });
      }),
      RUNS,
    );
  });

  test('headers of form parts', async () => {
    await fc.assert(
      fc.asyncProperty(partLine, async ({ line, code }) => {
        const body = formOf([{ name: 'file', fileName: 'a', value: 'x', lines: [line] }]);
        const outcome = await outcomeOf({ target: '/v1/files', headers: { 'content-type': formType() }, body });
        expect({ line, ...outcome }).toMatchObject(code === undefined ? { line, status: 201 } : { line, code });
      }),
      RUNS,
    );
  });

  test.each([
    ['rows', rowsDocument],
    ['rows that are not JSON', brokenRowsDocument],
    ['words that are not JSON', brokenDocument],
    ['numbers', numbersDocument],
    ['base64', base64Document],
  ])('export documents of %s', async (_, document) => {
    await fc.assert(
      fc.asyncProperty(document, async ({ text, file }) => {
        const headers = { 'content-type': 'application/json' };
        const outcome = await outcomeOf({ target: '/v1/exports', headers, body: text });
        const stored = outcome.bytes?.toString('latin1');
        expect({ text, code: outcome.code, stored }).toEqual({
          text,
          code: file === undefined ? 'request-invalid' : undefined,
          stored: file?.toString('latin1'),
        });
      }),
      { ...RUNS, numRuns: 300 },
    );
  });
});
