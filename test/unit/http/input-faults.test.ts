import { describe, expect, test } from '@jest/globals';
import type { z } from 'zod';
import { exportDocument } from '../../../src/exports/export-document.ts';
import { deliveryOptions, parseInput } from '../../../src/http/request/options.ts';
import { doctorQuery } from '../../../src/http/routes/doctor.ts';
import { completeRequest, uploadRequest } from '../../../src/http/routes/uploads.ts';
import { readPublishedEvent } from '../../../src/pubsub/message.ts';

const detailOf = (work: () => unknown): unknown => {
  try {
    work();
  } catch (error) {
    return (error as { detail?: string }).detail;
  }
  return undefined;
};

const source = { text: 'x' };
const session = { name: 'a', mimeType: 'a/b', size: 1 };
const RULES = '"new", "replace", "skip", "fail", "append"';

test.each<[z.ZodType, unknown, string]>([
  [exportDocument, null, 'The body is not a JSON object.'],
  [exportDocument, [], 'The body is not a JSON object.'],
  [exportDocument, {}, 'source is missing.'],
  [exportDocument, { name: 5, source }, 'name is not text.'],
  [exportDocument, { source: { rows: {} } }, 'source.rows is not an array.'],
  [exportDocument, { source: { bigquery: { query: '' } } }, 'source.bigquery.query is empty.'],
  [exportDocument, { source: { ...source, url: 'x' } }, 'There is no option "url" in source.'],
  [exportDocument, { source, properties: [] }, 'properties is not a JSON object.'],
  [exportDocument, { source, properties: { order: 5 } }, 'properties.order is not text.'],
  [exportDocument, { source, properties: { ['k'.repeat(99)]: 5 } }, `properties.${'k'.repeat(60)}… is not text.`],
  [exportDocument, { source, dates: 'yes' }, 'dates is not true or false.'],
  [exportDocument, { source, destination: '' }, 'destination is empty.'],
  [exportDocument, { source, destination: 'x'.repeat(65) }, 'destination has more than 64 characters.'],
  [
    exportDocument,
    { source, modifiedTime: 5 },
    'modifiedTime is not a time with a time zone, like 2026-11-24T12:00:00Z.',
  ],
  [exportDocument, { source, rollover: 'daily' }, 'rollover is not "monthly".'],
  [exportDocument, { source, path: 'a/..' }, 'path is invalid, because folder 2 is "..".'],
  [
    exportDocument,
    { source, path: 'a\u0001/b/..' },
    'path is invalid, because folder 1 has a control character. path is invalid, because folder 3 is "..".',
  ],
  [uploadRequest, { ...session, size: '5' }, 'size is not a number.'],
  [uploadRequest, { ...session, size: 1.5 }, 'size is not a whole number.'],
  [uploadRequest, { ...session, size: -1 }, 'size is less than 0.'],
  [uploadRequest, { ...session, size: 6e12 }, 'size is more than 5497558138880.'],
  [uploadRequest, { name: 'a' }, 'mimeType is missing. size is missing.'],
  [completeRequest, { sha512: 'x' }, 'There is no option "sha512".'],
  [doctorQuery, { write: 'yes' }, 'write is not one of "true", "1", "", "false", "0".'],
  [deliveryOptions, { onConflict: '' }, `onConflict is not one of ${RULES}.`],
  [
    deliveryOptions,
    { onConflict: '', dates: 'x' },
    `onConflict is not one of ${RULES}. dates is not one of "true", "false".`,
  ],
])('the detail of an invalid input is a sentence that names the field', (schema, input, detail) => {
  expect(detailOf(() => parseInput(schema, input))).toBe(detail);
});

test('of a number that breaks two rules of its field, one is named', () => {
  expect(detailOf(() => parseInput(uploadRequest, { ...session, size: 1e300 }))).toMatch(/^size is more than \d+\.$/);
});

describe('an event of Pub/Sub', () => {
  test.each([
    [undefined, 'data is missing.'],
    ['x', 'data is not a JSON object.'],
    [{ subscription: 'x' }, 'data.message is missing.'],
    [{ message: { attributes: { a: 5 } } }, 'data.message.attributes.a is not text.'],
    [{ message: { data: 5 } }, 'data.message.data is not text.'],
    [{ message: {} }, 'data.message.messageId is missing.'],
  ])('%j gets a sentence', (data, detail) => {
    expect(detailOf(() => readPublishedEvent(data))).toBe(detail);
  });
});
