import { describe, expect, test } from '@jest/globals';
import { bearerToken } from '../../../src/identity/verifier.ts';

const outcome = (headers: Headers): string => {
  try {
    return `token ${bearerToken(headers)}`;
  } catch (error) {
    return (error as { code: string }).code;
  }
};

describe('the only Authorization header', () => {
  test.each([
    ['Bearer a.b-c_d', 'token a.b-c_d'],
    ['bearer a.b.c', 'token a.b.c'],
    ['BEARER   a.b.c', 'token a.b.c'],
    ['', 'token-missing'],
    ['Bearer', 'token-missing'],
    ['Bearer ', 'token-missing'],
    ['a.b.c', 'token-missing'],
    ['Basic dXNlcjpwYXNz', 'token-missing'],
    ['Bearer\ta.b.c', 'token-invalid'],
    ['Bearer a.b.c d', 'token-invalid'],
    ['Bearer a.b.c;d', 'token-invalid'],
    ['Bearer "a.b.c"', 'token-invalid'],
    ['Bearer a.b.c,', 'token-invalid'],
    ['Bearer a.b.c, Bearer a.b.c', 'token-invalid'],
    ['Basic dXNlcg, Bearer a.b.c', 'token-invalid'],
    ['Bearer Bearer a.b.c', 'token-invalid'],
    ['Bearer a.b.\xe9', 'token-invalid'],
  ])('%j: %s', (value, expected) => {
    expect(outcome(new Headers({ authorization: value }))).toBe(expected);
  });

  test('sent twice is rejected, although each alone is valid', () => {
    const headers = new Headers([
      ['authorization', 'Bearer a.b.c'],
      ['Authorization', 'Bearer a.b.c'],
    ]);
    expect(outcome(headers)).toBe('token-invalid');
  });

  test.each(['x-serverless-authorization', 'proxy-authorization', 'x-goog-iap-jwt-assertion', 'x-authorization'])(
    'is not %s',
    (name) => {
      expect(outcome(new Headers({ [name]: 'Bearer a.b.c' }))).toBe('token-missing');
    },
  );
});
