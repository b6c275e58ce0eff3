import { describe, expect, test } from '@jest/globals';
import { createSearch } from '../../../../src/drive/files/search.ts';
import { CourierError } from '../../../../src/errors.ts';

type Parameters = Record<string, unknown>;
type Answer = { files?: object[]; incompleteSearch?: boolean; nextPageToken?: string } | CourierError;

const FILE = {
  id: 'one',
  name: 'report',
  mimeType: 'text/csv',
  createdTime: '2026-11-24T12:00:00Z',
  modifiedTime: '2026-11-24T12:00:00Z',
};

const setUp = (answer: (parameters: Parameters) => Answer, driveId: string | undefined = 'drive-1') => {
  const clock = { ms: 1_000_000 };
  const asked: Parameters[] = [];
  const list = async (parameters: Parameters) => {
    asked.push(parameters);
    const given = answer(parameters);
    if (given instanceof CourierError) throw given;
    return { data: given };
  };
  const search = createSearch({
    // Only `files.list` of Google's client is used here.
    library: async (_, __, run) => (await run({ files: { list } } as never)).data,
    resolveFolder: async (id) => ({ id, driveId }),
    now: () => clock.ms,
  });
  return { ...search, clock, asked, corpora: () => asked.map(({ corpora }) => corpora) };
};

const notFound = () => new CourierError('folder-not-found');
const failureOf = (work: Promise<unknown>): Promise<unknown> =>
  work.then(() => undefined).catch((error: unknown) => error);

/** Drive for an account that is not a member of the drive. */
const toNonMember = ({ corpora }: Parameters): Answer => (corpora === 'drive' ? notFound() : { files: [FILE] });

describe('an account that is not a member of the shared drive', () => {
  test('searches everything it can see, and caches that for the drive', async () => {
    const { search, asked, corpora } = setUp(toNonMember);
    expect(await search('folder', 'q', {})).toMatchObject([{ id: 'one' }]);
    expect(await search('other folder of the drive', 'q', {})).toMatchObject([{ id: 'one' }]);
    expect(corpora()).toEqual(['drive', undefined, undefined]);
    expect(asked[1]).toMatchObject({ supportsAllDrives: true, includeItemsFromAllDrives: true });
    expect(asked[1]).not.toHaveProperty('driveId');
    for (const { fields } of asked) expect(fields).toContain('incompleteSearch');
  });

  test('is searched normally once it becomes a member', async () => {
    const member = { is: false };
    const { search, clock, corpora } = setUp((parameters) => (member.is ? { files: [FILE] } : toNonMember(parameters)));
    await search('folder', 'q', {});
    member.is = true;
    clock.ms += 600_001;
    await search('folder', 'q', {});
    await search('folder', 'q', {});
    expect(corpora()).toEqual(['drive', undefined, 'drive', 'drive']);
  });

  test('is distinguished from a missing folder, about which nothing is cached', async () => {
    const missing = { is: true };
    const { search, corpora } = setUp(() => (missing.is ? notFound() : { files: [] }));
    expect(await failureOf(search('folder', 'q', {}))).toMatchObject({ code: 'folder-not-found' });
    missing.is = false;
    await search('folder', 'q', {});
    expect(corpora()).toEqual(['drive', undefined, 'drive']);
  });

  test('is reported to the doctor', async () => {
    expect(await setUp(toNonMember).probe('folder', {})).toBe('non-member');
    expect(await setUp(() => ({ files: [] })).probe('folder', {})).toBe('member');
  });
});

describe('an incomplete search of Drive', () => {
  test('without results is inconclusive', async () => {
    const { search } = setUp((parameters) =>
      parameters.corpora === 'drive' ? notFound() : { files: [], incompleteSearch: true },
    );
    expect(await failureOf(search('folder', 'q', {}))).toMatchObject({
      code: 'drive-unavailable',
      retryable: true,
      reason: 'incompleteSearch',
    });
  });

  test('is inconclusive on any of its pages', async () => {
    const { search } = setUp(({ pageToken }) =>
      pageToken === undefined ? { incompleteSearch: true, nextPageToken: 'p2' } : { incompleteSearch: false },
    );
    expect(await failureOf(search('folder', 'q', {}))).toMatchObject({ reason: 'incompleteSearch' });
  });

  test('is still valid for what it found', async () => {
    const { search } = setUp(() => ({ files: [FILE], incompleteSearch: true }));
    expect(await search('folder', 'q', {})).toMatchObject([{ id: 'one' }]);
  });
});

test('the oldest file is the one that was added first, regardless of the createdTime that a caller chose', async () => {
  const added = (time: string) => ({ appProperties: { courierAdded: time } });
  const { search } = setUp(() => ({
    files: [
      { ...FILE, id: 'pretends', createdTime: '1970-01-01T00:00:00.000Z', ...added('2026-11-26T00:00:00.000Z') },
      { ...FILE, id: 'plain', createdTime: '2026-11-25T00:00:00.000Z' },
      { ...FILE, id: 'postdated', createdTime: '2099-01-01T00:00:00.000Z', ...added('2026-11-24T00:00:00.000Z') },
      { ...FILE, id: 'later of two', createdTime: '2026-11-25T00:00:00.000Z' },
    ],
  }));
  const found = (await search('folder', 'q', {})).map(({ id }) => id);
  expect(found).toEqual(['postdated', 'later of two', 'plain', 'pretends']);
});

test('any other failure causes no second search', async () => {
  const { search, corpora } = setUp(() => new CourierError('drive-unavailable'));
  expect(await failureOf(search('folder', 'q', {}))).toMatchObject({ code: 'drive-unavailable' });
  expect(corpora()).toEqual(['drive']);
});
