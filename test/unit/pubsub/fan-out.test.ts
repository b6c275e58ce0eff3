import { describe, expect, test } from '@jest/globals';
import type { ManyDocument } from '../../../src/exports/export-document.ts';
import type { ListedObject } from '../../../src/exports/prefix/list-objects.ts';
import { fanOut } from '../../../src/pubsub/fan-out.ts';
import type { NewMessage } from '../../../src/pubsub/publish.ts';
import { createKeptLog } from '../../support/kept-log.ts';

/** The messages for these objects, by request. */
const published = async (names: readonly string[], { attributes = {}, ...document }: Record<string, unknown>) => {
  async function* objects(): AsyncGenerator<ListedObject> {
    for (const name of names) yield { name, generation: '7', size: 1 };
  }
  const requests: (readonly NewMessage[])[] = [];
  await fanOut(
    {
      openPrefix: async () => ({ destinationPath: '', objects: objects() }),
      publishAgain: async (_, messages) => {
        requests.push(messages);
      },
      log: createKeptLog(),
    },
    { attributes, data: Buffer.alloc(0), messageId: '1' } as never,
    { source: { gcsPrefix: 'gs://bucket/x/' }, ...document } as ManyDocument,
    { origin: 'projects/p/subscriptions/s', signal: new AbortController().signal, caller: { sub: '1' } } as never,
  );
  return requests;
};

describe('the messages for the objects below a prefix', () => {
  test('are published in requests of less than 10 MB', async () => {
    const names = Array.from({ length: 1_000 }, (_, index) => `x/${index}`);
    const requests = await published(names, { description: '😀'.repeat(4_096) });
    expect(requests.flat()).toHaveLength(1_000);
    for (const messages of requests) {
      const bytes = messages.reduce((sum, { data }) => sum + data.toString('base64').length, 0);
      expect(bytes).toBeLessThan(9_000_000);
    }
  });

  test('have no attribute with a path that is longer than an attribute may be', async () => {
    const [short, long] = ['a', `${'é'.repeat(200)}/${'é'.repeat(200)}`];
    const names = [`x/${short}/f`, `x/${long}/f`];
    const path = 'p'.repeat(250);
    const [messages = []] = await published(names, { path, attributes: { path, kind: 'nightly' } });
    expect(messages.map(({ attributes }) => attributes)).toEqual([
      { kind: 'nightly', path: `${path}/${short}` },
      { kind: 'nightly' },
    ]);
    expect(JSON.parse(messages[1]?.data.toString() ?? '')).toMatchObject({ path: `${path}/${long}` });
  });
});
