import { describe, expect, test } from '@jest/globals';
import { createSearch } from '../../src/drive/files/search.ts';
import { bytesOfResult } from '../../src/exports/bigquery/rows.ts';
import { listObjects } from '../../src/exports/prefix/list-objects.ts';
import { createPageTokenCheck } from '../../src/page-tokens.ts';

/** More pages than any of these tests needs. Without a check, they would be read until the deadline. */
const MAX_CALLS = 100;

/** The tokens of a server that sends the pages of a circle again and again, after some others. */
const tokensWith = (before: number, circle: number) => {
  let calls = 0;
  return {
    calls: () => calls,
    next(): string | undefined {
      calls += 1;
      if (calls > MAX_CALLS) return undefined;
      return calls <= before ? `p${calls}` : `c${(calls - before) % circle}`;
    },
  };
};
type Tokens = ReturnType<typeof tokensWith>;

const drained = async (items: AsyncIterable<unknown>): Promise<void> => {
  for await (const _ of items);
};
const transportOf = (page: () => object) =>
  ({ send: async () => ({ status: 200, headers: {}, body: Buffer.from(JSON.stringify(page())) }) }) as never;

const LISTS: [string, string, (tokens: Tokens) => Promise<unknown>][] = [
  [
    'the files of Drive',
    'drive-unavailable',
    (tokens) =>
      createSearch({
        library: async () => ({ files: [], nextPageToken: tokens.next() }) as never,
        resolveFolder: async (id) => ({ id, driveId: undefined }) as never,
        now: () => 0,
      }).search('folder', 'q', {}),
  ],
  [
    'the objects of Cloud Storage',
    'google-unavailable',
    (tokens) => {
      const transport = transportOf(() => ({ items: [], nextPageToken: tokens.next() }));
      return drained(listObjects({ transport, token: async () => 'token' }, { bucket: 'reports', prefix: '' }));
    },
  ],
  [
    'the rows of BigQuery',
    'google-unavailable',
    (tokens) => {
      const transport = transportOf(() => ({ schema: { fields: [] }, rows: [], pageToken: tokens.next() }));
      const first = { fields: [], pageToken: 'first', rowBytes: 1, groups: () => [] };
      const encoder = { head: () => '', line: () => '', tail: '' };
      const dependencies = { transport, token: async () => 'token' } as never;
      const job = { project: 'p', location: 'EU', id: 'job' };
      return drained(bytesOfResult(dependencies, { name: 'q' } as never, { job, first, encoder } as never));
    },
  ],
];

describe.each(LISTS)('a list of %s', (_, code, list) => {
  test.each([
    ['repeats one page', 0, 1],
    ['repeats one page after others', 5, 1],
    ['goes around in a circle', 3, 4],
  ])('that %s is an error that can be retried', async (__, before, circle) => {
    const tokens = tokensWith(before, circle);
    await expect(list(tokens)).rejects.toMatchObject({
      code,
      retryable: true,
      detail: expect.stringContaining('a page of the list again'),
    });
    expect(tokens.calls()).toBeLessThan(MAX_CALLS / 4);
  });

  test('with many pages is read to its end', async () => {
    const tokens = tokensWith(MAX_CALLS, 1);
    await list(tokens);
    expect(tokens.calls()).toBeGreaterThan(MAX_CALLS);
  });
});

test('tokens that all differ never count as repeated', () => {
  const check = createPageTokenCheck(() => new Error('repeated') as never);
  for (let page = 0; page < 10_000; page += 1) check(`p${page}`);
  check(undefined);
});
