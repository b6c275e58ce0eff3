import { afterEach, describe, expect, test } from '@jest/globals';
import type { Delivery } from '../../src/domain.ts';
import { CourierError } from '../../src/errors.ts';
import type { ListedObject } from '../../src/exports/prefix/list-objects.ts';
import type { HttpDependencies } from '../../src/http/dependencies.ts';
import { linesOf, summaryOf } from '../support/archives.ts';
import { type Answer, type Entry, FORMS, type Form, startEntry } from '../support/http/http-forms.ts';

let entry: Entry | undefined;
afterEach(async () => {
  await entry?.close();
  entry = undefined;
});

const NAMES = ['x/', 'x/a.csv', 'x/sub/ü b.csv', 'x/c.json'];

const started = async (
  form: Form,
  { names = NAMES, ...services }: Partial<HttpDependencies> & { names?: readonly string[] } = {},
): Promise<Entry> => {
  async function* objects(): AsyncGenerator<ListedObject> {
    for (const name of names) yield { name, generation: '7', size: 1 };
  }
  entry = await startEntry(form, {
    services: {
      openPrefix: async () => ({ destinationPath: 'inbox', objects: objects() }),
      openObject: async ({ bucket, object, generation }) => ({
        name: object,
        size: 1,
        mimeType: 'text/csv',
        identity: `gs://${bucket}/${object}#${generation}`,
        async *open() {
          yield Buffer.from('x');
        },
      }),
      ...services,
    },
  });
  return entry;
};

const ask = (
  courier: Entry,
  source: object,
  { headers = {}, ...rest }: Record<string, unknown> = {},
): Promise<Answer> =>
  courier.send({
    target: '/v1/exports',
    headers: { 'content-type': 'application/json', ...(headers as object) },
    body: JSON.stringify({ source, ...rest }),
  });

describe.each(FORMS)('a prefix, %s', (form) => {
  test('is answered with a line for each object', async () => {
    const courier = await started(form);
    const answer = await ask(courier, { gcsPrefix: 'gs://bucket/x/' }, { path: 'p', onConflict: 'skip' });
    expect(answer).toMatchObject({ status: 200, headers: { 'content-type': 'application/x-ndjson' } });
    expect(summaryOf(answer)).toEqual({
      delivered: 3,
      outcomes: { created: 3 },
      failed: 0,
      ignored: 1,
      complete: true,
      retryable: false,
    });
    expect(linesOf(answer).find(({ object }) => object === 'gs://bucket/x/sub/ü b.csv#7')).toMatchObject({
      name: 'ü b.csv',
      path: 'p/sub',
      idempotencyKey: 'gs://bucket/x/sub/ü b.csv#7',
    });
    for (const { delivery } of courier.services.delivered) expect(delivery.options.onConflict).toBe('skip');
  });
});

describe('a prefix', () => {
  test('of which only some objects match delivers these, below the path of the destination', async () => {
    const courier = await started('HTTP/1.1');
    const answer = await ask(courier, { gcsPrefix: 'gs://bucket/x/', match: '*.csv' });
    expect(summaryOf(answer)).toMatchObject({ delivered: 2, ignored: 0 });
    const paths = courier.services.delivered.map(({ delivery }) => delivery.options.path);
    expect(paths.sort()).toEqual(['inbox', 'inbox/sub']);
  });

  test('with a key derives the keys of its objects from it', async () => {
    const courier = await started('HTTP/1.1');
    await ask(courier, { gcsPrefix: 'gs://bucket/x/' }, { idempotencyKey: 'k' });
    await ask(courier, { gcsPrefix: 'gs://bucket/x/' }, { headers: { 'idempotency-key': 'k' } });
    const keys = courier.services.delivered.map(({ delivery }) => delivery.idempotencyKey);
    expect(new Set(keys).size).toBe(3);
    expect(keys).toHaveLength(6);
    for (const key of keys) expect(key).toMatch(/^object\//);
  });

  test('with an object that fails delivers the others', async () => {
    const courier = await started('HTTP/1.1');
    const { openObject } = courier.services;
    courier.services.openObject = async (name, request) => {
      if (name.object === 'x/a.csv') throw new CourierError('source-not-found');
      return openObject(name, request);
    };
    const answer = await ask(courier, { gcsPrefix: 'gs://bucket/x/' });
    expect(linesOf(answer).find(({ object }) => object === 'gs://bucket/x/a.csv#7')).toMatchObject({
      code: 'source-not-found',
      status: 502,
    });
    expect(summaryOf(answer)).toMatchObject({ delivered: 2, failed: 1, complete: true });
  });

  test.each([
    [{ gcsPrefix: 'gs://bucket/x/' }, { name: 'a' }, 'name-invalid'],
    [{ gcsPrefix: 'gs://bucket/x/', join: 'csv' }, {}, 'name-invalid'],
    [{ gcsPrefix: 'gs://bucket/x/', join: 'zip' }, { name: 'a' }, 'request-invalid'],
    [{ gcsPrefix: 'gs://bucket/x/', gcs: 'gs://bucket/x' }, {}, 'request-invalid'],
    [{ gcs: 'gs://bucket/x', match: '*' }, {}, 'request-invalid'],
    [{ text: 'x', join: 'csv' }, { name: 'a' }, 'request-invalid'],
    [{ gcsPrefix: 'bucket/x/' }, {}, 'request-invalid'],
    [{ gcsPrefix: 'gs://bucket/x/', match: '{a,b}' }, {}, 'request-invalid'],
    [{ gcsPrefix: 7 }, {}, 'request-invalid'],
  ])('is refused as a whole: %j %j', async (source, rest, code) => {
    const courier = await started('HTTP/1.1');
    expect(await ask(courier, source, rest)).toMatchObject({ status: 400, json: { code } });
    expect(courier.services.delivered).toEqual([]);
  });

  test('explains what to do about a name, which is valid in itself', async () => {
    const courier = await started('HTTP/1.1');
    const { json } = await ask(courier, { gcsPrefix: 'gs://bucket/x/' }, { name: 'a' });
    expect(json.remedy).toContain('"join"');
  });

  test.each([
    ['destination-forbidden', 403],
    ['source-not-found', 502],
  ] as const)('that cannot be opened is an ordinary problem (%s)', async (code, status) => {
    const openPrefix = async () => {
      throw new CourierError(code);
    };
    const courier = await started('HTTP/1.1', { openPrefix });
    expect(await ask(courier, { gcsPrefix: 'gs://bucket/x/' })).toMatchObject({ status, json: { code } });
  });

  test('whose listing fails reports it in the summary', async () => {
    async function* broken(): AsyncGenerator<ListedObject> {
      yield { name: 'x/a.csv', generation: '7', size: 1 };
      throw new CourierError('google-unavailable');
    }
    const courier = await started('HTTP/1.1', {
      openPrefix: async () => ({ destinationPath: '', objects: broken() }),
    });
    expect(summaryOf(await ask(courier, { gcsPrefix: 'gs://bucket/x/' }))).toMatchObject({
      delivered: 1,
      complete: false,
      retryable: true,
      problem: { code: 'google-unavailable' },
    });
  });

  test('is delivered no further when the caller disconnects', async () => {
    const names = Array.from({ length: 2_000 }, (_, index) => `x/${index}`);
    const courier = await started('HTTP/1.1', { names });
    const { deliver } = courier.services;
    let begun = 0;
    courier.services.deliver = async (delivery: Delivery) => {
      begun += 1;
      await new Promise((resolve) => setTimeout(resolve, 5));
      return deliver(delivery);
    };
    const controller = new AbortController();
    const response = await fetch(`http://127.0.0.1:${courier.port}/v1/exports`, {
      method: 'POST',
      headers: { authorization: 'Bearer good', 'content-type': 'application/json' },
      body: JSON.stringify({ source: { gcsPrefix: 'gs://bucket/x/' } }),
      signal: controller.signal,
    });
    await response.body?.getReader().read();
    controller.abort();
    await new Promise((resolve) => setTimeout(resolve, 150));
    const atAbort = begun;
    await new Promise((resolve) => setTimeout(resolve, 150));
    expect(begun).toBe(atAbort);
    expect(begun).toBeLessThan(1_000);
  });

  test('waits while the limits of the caller leave no room for a file, but not until the next day', async () => {
    const courier = await started('HTTP/1.1');
    const { deliver } = courier.services;
    const refused = new Map([
      ['a.csv', ['concurrent', 'files-per-minute']],
      ['c.json', ['bytes-per-day']],
    ]);
    courier.services.deliver = async (delivery: Delivery) => {
      const reason = refused.get(delivery.options.name ?? '')?.pop();
      if (reason !== undefined) throw new CourierError('caller-over-quota', { reason, retryAfterSeconds: 0.01 });
      return deliver(delivery);
    };
    const answer = await ask(courier, { gcsPrefix: 'gs://bucket/x/' });
    expect(linesOf(answer).filter(({ code }) => code !== undefined)).toMatchObject([
      { code: 'caller-over-quota', object: 'gs://bucket/x/c.json#7' },
    ]);
    expect(summaryOf(answer)).toMatchObject({ delivered: 2, failed: 1, retryable: true });
  });

  test('that is joined is one file with one receipt', async () => {
    const courier = await started('HTTP/1.1');
    const answer = await ask(courier, { gcsPrefix: 'gs://bucket/x/', join: 'bytes' }, { name: 'all.txt' });
    expect(answer).toMatchObject({ status: 201, json: { name: 'all.txt', size: 3, outcome: 'created' } });
    expect(answer.json.idempotencyKey).toMatch(/^gs:\/\/bucket\/x\/#[\da-f]{64}$/);
    const keyed = await ask(
      courier,
      { gcsPrefix: 'gs://bucket/x/', join: 'bytes' },
      { name: 'all.txt', idempotencyKey: 'k' },
    );
    expect(keyed.json.idempotencyKey).toBe('k');
  });
});
