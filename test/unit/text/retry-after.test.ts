import { expect, test } from '@jest/globals';
import { retryAfterSeconds } from '../../../src/text/http-grammar.ts';

const NOON = 'Mon, 30 Nov 2026 12:00:00 GMT';

test.each([
  [{ 'retry-after': '7' }, 7],
  [{ 'retry-after': '0', date: NOON }, 0],
  [{ 'retry-after': 'Mon, 30 Nov 2026 12:00:25 GMT', date: NOON }, 25],
  [{ 'retry-after': 'Mon, 30 Nov 2026 11:59:25 GMT', date: NOON }, 0],
  [{ 'retry-after': 'Mon, 30 Nov 2026 12:00:25 GMT' }, undefined],
  [{ 'retry-after': 'soon', date: NOON }, undefined],
  [{ 'retry-after': '', date: NOON }, undefined],
  [{ 'retry-after': '9'.repeat(400) }, undefined],
  [{ date: NOON }, undefined],
])('%j asks for a wait of %p seconds', (headers, seconds) => {
  expect(retryAfterSeconds(headers)).toBe(seconds);
});
