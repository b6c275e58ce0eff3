import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { type Entry, FORMS, startEntry } from '../../support/http/http-forms.ts';

const JSON_TYPE = { 'content-type': 'application/json' };
const DOCUMENT = '{"name":"a","source":{"text":"x"}}';
const SESSION = '{"name":"a","mimeType":"text/plain","size":1}';

describe.each(FORMS)('an unknown parameter in the query, %s', (form) => {
  let entry: Entry;
  beforeAll(async () => {
    entry = await startEntry(form, {
      services: {
        authenticatePush: async () => ({ sub: '1', email: 'push@my-proj.iam.gserviceaccount.com' }),
        mayPush: () => ({ destinations: ['reports'], sources: [] }),
      },
    });
  });
  afterAll(() => entry.close());

  test.each([
    ['POST', '/v1/files?name=a&', {}, 'x'],
    ['POST', '/?name=a&', {}, 'x'],
    ['POST', '/v1/exports?', JSON_TYPE, DOCUMENT],
    ['POST', '/v1/uploads?', JSON_TYPE, SESSION],
    ['POST', '/v1/uploads/upload-1/complete?', JSON_TYPE, '{}'],
    ['GET', '/v1/destinations?', {}, undefined],
    ['GET', '/v1/doctor?', {}, undefined],
  ] as const)('of a caller is refused by name: %s %s', async (method, target, headers, body) => {
    const call = { method, headers, ...(body === undefined ? {} : { body }) };
    const { status, json } = await entry.send({ ...call, target: `${target}filter=x` });
    expect([status, json.code, json.detail]).toEqual([400, 'request-invalid', expect.stringContaining('"filter"')]);
    const without = await entry.send({ ...call, target: target.replace(/[?&]$/, '') });
    expect(without.json.code).not.toBe('request-invalid');
  });

  test.each(['/v1/health', '/v1/ready', '/openapi.json'])(
    'of a platform or a monitor is ignored: GET %s',
    async (target) => {
      expect((await entry.send({ method: 'GET', target: `${target}?filter=x` })).status).toBe(200);
    },
  );

  test('of a push endpoint is ignored', async () => {
    const message = { messageId: '1', data: Buffer.from(DOCUMENT).toString('base64') };
    const body = JSON.stringify({ message, subscription: 'projects/p/subscriptions/exports' });
    const { status } = await entry.send({ target: '/v1/pubsub?token=x', headers: JSON_TYPE, body });
    expect(status).toBe(204);
  });
});
