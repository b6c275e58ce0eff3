import { expect, test } from '@jest/globals';
import { createUnanswered } from '../../src/unanswered-requests.ts';

/** Counts the requests that may still take effect after these answers. */
const after = (...statuses: (number | undefined)[]) => {
  const requests = createUnanswered();
  for (const status of statuses) requests.onSend()(status);
  return requests;
};

test('a request that was sent and has not ended may take effect', () => {
  const requests = createUnanswered();
  requests.onSend();
  expect(requests.count()).toBe(1);
});

test.each([200, 204, 308, 400, 401, 403, 404, 409, 412, 429])('a request is over after the answer %d', (status) => {
  expect(after(status).count()).toBe(0);
});

test.each([500, 503])('a request is over after the answer %d and a later look or answer', (status) => {
  const requests = after(status);
  expect(requests.count()).toBe(1);
  requests.looked();
  expect(requests.count()).toBe(0);
  expect(after(status, 403).count()).toBe(0);
});

test.each([undefined, 408, 502, 504])(
  'a request is not over after %p, not even after a later look or answer',
  (status) => {
    const requests = after(status, 200, 403);
    requests.looked();
    expect(requests.count()).toBe(1);
  },
);

test('a request that could not be sent is over, and says nothing about those before', () => {
  const requests = after(undefined, 503);
  requests.onSend()('unsent');
  expect(requests.count()).toBe(2);
});

test('an effect is that of one request', () => {
  const requests = after(undefined, undefined);
  requests.tookEffect();
  expect(requests.count()).toBe(1);
  requests.clear();
  expect(requests.count()).toBe(0);
});

test('a request that ends without an answer may be found to have succeeded', () => {
  const requests = createUnanswered();
  const onAnswer = requests.onSend();
  onAnswer(undefined);
  onAnswer(200);
  expect(requests.count()).toBe(0);
});
