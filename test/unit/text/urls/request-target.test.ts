import { expect, test } from '@jest/globals';
import { requestTarget } from '../../../../src/text/urls/request-target.ts';

test.each([
  ['https://www.googleapis.com', { protocol: 'https:', hostname: 'www.googleapis.com', port: '', path: '/' }],
  [
    'https://example.com:8443/a%20b?x=1&y=%2F#top',
    { protocol: 'https:', hostname: 'example.com', port: '8443', path: '/a%20b?x=1&y=%2F' },
  ],
  ['http://[::1]:80/v1?', { protocol: 'http:', hostname: '::1', port: '', path: '/v1' }],
  ['http://a%40b:c%3Ad@h/', { protocol: 'http:', hostname: 'h', port: '', path: '/', auth: 'a@b:c:d' }],
])('%s', (url, expected) => {
  expect(requestTarget(new URL(url))).toEqual(expected);
});
