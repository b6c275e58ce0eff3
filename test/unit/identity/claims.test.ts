import { expect, test } from '@jest/globals';
import { canonicalEmail } from '../../../src/identity/verifier.ts';

test.each([
  ['Alice@Example.COM', 'alice@example.com'],
  ["o'neil+x=1@sub.example-1.co", "o'neil+x=1@sub.example-1.co"],
])('%j is the address %j', (email, address) => {
  expect(canonicalEmail(email)).toBe(address);
});

test.each([
  undefined,
  '',
  'alice',
  'alice@example',
  'alice@example.com,bob@example.com',
  'alice@example.com ',
  'alice@example.com\n',
  ' alice@example.com',
  'x alice@example.com',
  'alice@bob@example.com',
  'alice@example..com',
  'alice@example.com.',
  '@example.com',
  'al\u00efce@example.com',
  'alice@ex\u212ample.com',
])('%j is not an address', (email) => {
  expect(canonicalEmail(email)).toBeUndefined();
});
