import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { type LocalGoogle, startLocalGoogle } from '../../../local/google/server.ts';
import { type RunningCourier, startCourier } from '../../support/courier/running-courier.ts';

/**
 * Valid names that are stored unchanged: Drive has each of them, code point by code point, whichever way they were
 * sent.
 */
const NAMES: readonly [string, string][] = [
  ['quotes', `Valentine's "day".csv`],
  ['a query', `x' or name != 'x`],
  ['percent signs', '100 %41 %2F %00.txt'],
  ['what URLs and forms are made of', 'a&b=c+d;e#f?g.txt'],
  ['markup', '<b onclick=x>&amp;.html'],
  ['emoji of several code points', '👩‍👩‍👧 📊 🇦🇶.png'],
  ['right-to-left marks', '\u202egnp.exe\u202c \u200fשלום.txt'],
  ['255 code points beyond the basic plane', '📊'.repeat(255)],
  ['dots, but not those of folders', '...'],
];

let google: LocalGoogle;
let courier: RunningCourier;
beforeAll(async () => {
  google = await startLocalGoogle();
  courier = await startCourier(google, {
    document: { credentials: { main: { file: google.world.keyFiles.courier } } },
  });
});
afterAll(async () => {
  await courier?.close();
  await google?.close();
});

const post = (path: string, init: RequestInit & { headers?: Record<string, string> } = {}): Promise<Response> =>
  courier.ask(google.world.emails.exporter, path, { method: 'POST', ...init });
const json = (document: object) => ({
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify(document),
});

const WAYS: readonly [string, (name: string, path: string) => Promise<Response>][] = [
  [
    'in the query',
    (name, path) => post(`/v1/files?${new URLSearchParams({ name, path, onConflict: 'replace' })}`, { body: 'bytes' }),
  ],
  [
    'as a field of a form',
    (name, path) => {
      const form = new FormData();
      for (const [key, value] of Object.entries({ name, path, onConflict: 'replace' })) form.append(key, value);
      form.append('file', new Blob(['bytes']), 'other');
      return post('/v1/files', { body: form });
    },
  ],
  [
    'in an export document',
    (name, path) => post('/v1/exports', json({ name, path, onConflict: 'replace', source: { text: 'bytes' } })),
  ],
  [
    'with an upload session',
    async (name, path) => {
      const open = json({ name, path, onConflict: 'replace', mimeType: 'text/plain', size: 5 });
      const { id, uploadUrl } = (await (await post('/v1/uploads', open)).json()) as Record<string, string>;
      await fetch(uploadUrl ?? '', { method: 'PUT', body: 'bytes' });
      return post(`/v1/uploads/${id}/complete`, json({}));
    },
  ],
];

describe.each(WAYS)('a name %s', (way, send) => {
  test.each(NAMES)('with %s reaches Drive unchanged and is found there again', async (kind, name) => {
    const path = `${way}, ${kind}`;
    const answers = [await send(name, path), await send(name, path)];
    const receipts = (await Promise.all(answers.map((answer) => answer.json()))) as { id: string; name: string }[];
    expect(receipts).toMatchObject([{ name }, { name, id: receipts[0]?.id }]);
    const stored = google.drive.files().filter(({ id }) => id === receipts[0]?.id);
    expect(stored.map((file) => file.name)).toEqual([name]);
    expect(google.drive.files().filter((file) => file.parents[0] === stored[0]?.parents[0])).toHaveLength(1);
  });
});
