import { expect, test } from '@jest/globals';
import { createRemembered } from '../../../src/identity/remembered.ts';

const identified = (sub: string) => ({ caller: { sub }, notBeforeMs: 0, expiresAtMs: 1 });

test('the token that was not used for longest makes room', () => {
  const remembered = createRemembered(2);
  remembered.add('a', identified('1'));
  remembered.add('b', identified('2'));
  remembered.find('a');
  remembered.add('c', identified('3'));
  expect(['a', 'b', 'c'].map((token) => remembered.find(token)?.caller.sub)).toEqual(['1', undefined, '3']);
});

test('a token added twice takes one place', () => {
  const remembered = createRemembered(2);
  for (const token of ['a', 'b', 'b', 'b']) remembered.add(token, identified(token));
  expect(remembered.find('a')).toBeDefined();
});

test('what is forgotten or cleared is not found', () => {
  const remembered = createRemembered(9);
  remembered.add('a', identified('1'));
  remembered.add('b', identified('2'));
  remembered.forget('a');
  expect(remembered.find('a')).toBeUndefined();
  expect(remembered.find('b')).toBeDefined();
  remembered.clear();
  expect(remembered.find('b')).toBeUndefined();
});
