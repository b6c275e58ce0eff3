import { expect, test } from '@jest/globals';
import { readPayload, readTokenParts } from '../../../src/identity/token-parts.ts';

const base64url = (text: string): string => Buffer.from(text).toString('base64url');
const HEADER = base64url('{"alg":"RS256","kid":"k"}');

const payloadOf = (json: string): object | undefined => {
  const parts = readTokenParts(`${HEADER}.${base64url(json)}.${base64url('signature')}`);
  return parts === undefined ? undefined : readPayload(parts);
};

/** Two parsers may read a duplicate member in two ways, so a token with duplicates is invalid. */
test.each([
  '{}',
  '{"a":1}',
  '{"a":["b"],"c":1}',
  '{"a":[{"c":1},{"c":2}],"c":1}',
  '{"a":{"c":1},"c":{"a":[]}}',
  '{"a":"b:c","d":"{[","e":"}]"}',
  '{"a":"\\"c\\":","c":1}',
  '{"a:b":1,"{":2}',
])('%s is read', (json) => {
  expect(payloadOf(json)).toEqual(JSON.parse(json));
});

test.each([
  '{"a":1,"a":1}',
  '{"a":["b"],"c":1,"c":2}',
  '{"a":[],"a":[]}',
  '{"c":{"a":1},"a":[1],"a":2}',
  '{"a":1,"\\u0061":2}',
  '[]',
  '[1]',
  'null',
  '"text"',
  '',
  '{"a":1',
  '\ufeff{"a":1}',
])('%s is invalid', (json) => {
  expect(payloadOf(json)).toBeUndefined();
});
