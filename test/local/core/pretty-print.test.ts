import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { type LocalGoogle, startLocalGoogle } from '../../../local/google/server.ts';

let google: LocalGoogle;

beforeAll(async () => {
  google = await startLocalGoogle();
});

afterAll(() => google.close());

const ABOUT = 'www.googleapis.com/drive/v3/about?fields=user';

test.each([
  ['an answer', true],
  ['an error', false],
])('%s is indented unless prettyPrint is false', async (_, isAuthorized) => {
  const token = google.world.accessToken(google.world.emails.courier, ['https://www.googleapis.com/auth/drive']);
  const headers = isAuthorized ? { authorization: `Bearer ${token}` } : {};
  const text = async (query: string) => (await fetch(`${google.origin}/${ABOUT}${query}`, { headers })).text();
  const indented = await text('');
  expect(indented).toMatch(/^\{\n {2}"/);
  expect(await text('&prettyPrint=true')).toBe(indented);
  expect(await text('&prettyPrint=false')).toBe(JSON.stringify(JSON.parse(indented)));
});
