import { describe, expect, test } from '@jest/globals';
import { type Config, readConfig } from '../../../src/config/config.ts';
import { explain } from '../../../src/config/explain.ts';
import { ConfigError } from '../../../src/config/faults.ts';

/** Values that look right and can never match, and values that only look wrong. */

const destination = { folder: '0AbCdEf', credentials: 'main', callers: ['a@example.com'] };
const document = {
  audiences: ['https://courier.example'],
  operators: ['a@example.com'],
  destinations: { r: destination },
  credentials: { main: { secret: 'projects/p/secrets/s' } },
};
const GIBIBYTE = 1024 ** 3;
const read = (change: object = {}, memoryBytes = GIBIBYTE): Config =>
  readConfig({ COURIER_CONFIG: JSON.stringify({ ...document, ...change }) }, memoryBytes);
const faultsOf = (change: object, memoryBytes?: number): readonly string[] => {
  try {
    read(change, memoryBytes);
  } catch (error) {
    if (error instanceof ConfigError) return error.faults;
    throw error;
  }
  return [];
};
const withFolder = (folder: string) => ({ destinations: { r: { ...destination, folder } } });
const withCallers = (...callers: string[]) => ({ destinations: { r: { ...destination, callers } } });

describe('a secret in the wrong place', () => {
  const SECRET = 'MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQ';
  const KEY = JSON.stringify({ type: 'service_account', private_key: `-----BEGIN PRIVATE KEY-----\n${SECRET}\n` });

  test('is a fault if it is the content of a key file, and is not printed', () => {
    expect(faultsOf({ credentials: { main: { file: KEY } } })).toEqual([
      expect.stringMatching(/^credentials\.main\.file: .*not its path/),
    ]);
    const variables = {
      COURIER_AUDIENCES: 'https://c.example',
      COURIER_CALLERS: 'a@example.com',
      COURIER_FOLDER: '0A',
    };
    const readEnvironment = () => readConfig({ ...variables, COURIER_KEY_FILE: `\n${KEY}` }, GIBIBYTE);
    expect(readEnvironment).toThrow(/COURIER_KEY_FILE: .*not its path/);
    expect(readEnvironment).not.toThrow(SECRET);
  });

  test.each([
    ['audiences', { audiences: [`ya29.${SECRET} x`] }],
    ['callers', withCallers(`group:GOCSPX-${SECRET}`)],
    ['the name of a field', { [`ya29.${SECRET}`]: 1 }],
  ])('is redacted in faults: %s', (_, change) => {
    const faults = faultsOf(change);
    expect(faults).toHaveLength(1);
    expect(faults.join()).not.toContain(SECRET);
  });
});

describe('a folder', () => {
  test.each([
    '0AbCdEf',
    ' 0AbCdEf\n',
    'https://drive.google.com/drive/folders/0AbCdEf',
    'https://drive.google.com/drive/folders/0AbCdEf?usp=sharing',
    'https://drive.google.com/drive/folders/0AbCdEf?resourcekey=0-x&usp=drive_link#top',
    'https://drive.google.com/drive/u/0/folders/0AbCdEf',
    'https://drive.google.com/drive/u/12/folders/0AbCdEf/',
    'https://drive.google.com/drive/mobile/folders/0AbCdEf?usp=sharing',
    'https://drive.google.com/a/example.com/folderview?id=0AbCdEf&usp=sharing',
    'https://drive.google.com/open?id=0AbCdEf',
    'https://drive.google.com/open?usp=sharing&id=0AbCdEf',
  ])('is accepted as %j', (folder) => {
    expect(read(withFolder(folder)).destinations.r?.folder).toBe('0AbCdEf');
  });

  test.each([
    ['https://drive.google.com/drive/my-drive', 'comes after "folders/"'],
    ['https://drive.google.com/file/d/0AbCdEf/view', 'comes after "folders/"'],
    ['https://docs.google.com/spreadsheets/d/0AbCdEf/edit', 'comes after "folders/"'],
    ['https://drive.google.com.evil.example/drive/folders/0AbCdEf', 'comes after "folders/"'],
    ['https://drive.google.com/open?id=', 'comes after "folders/"'],
    ['0AbCdEf?usp=sharing', 'not a Drive folder id'],
    ['folders/0AbCdEf', 'comes after "folders/"'],
    ['"0AbCdEf"', 'write 0AbCdEf without quotes'],
    ["'0AbCdEf'", 'write 0AbCdEf without quotes'],
  ])('%j is an error that names the part to keep', (folder, why) => {
    expect(faultsOf(withFolder(folder))).toEqual([expect.stringContaining(why)]);
    expect(faultsOf(withFolder(folder))[0]).toMatch(/^destinations\.r\.folder: /);
  });
});

describe('a spreadsheet', () => {
  const { folder: _, ...rest } = destination;
  const withSheet = (spreadsheet: string, more: object = {}) => ({
    destinations: { r: { ...rest, spreadsheet, ...more } },
  });

  test.each([
    '1AbC-d_E',
    ' 1AbC-d_E\n',
    'https://docs.google.com/spreadsheets/d/1AbC-d_E/edit?gid=0#gid=0',
    'https://docs.google.com/spreadsheets/d/1AbC-d_E',
    'https://docs.google.com/spreadsheets/u/1/d/1AbC-d_E/edit',
    'https://docs.google.com/a/example.com/spreadsheets/d/1AbC-d_E/edit',
    'https://drive.google.com/file/d/1AbC-d_E/view',
    'https://drive.google.com/open?id=1AbC-d_E',
  ])('is accepted as %j, and appends rows by default', (spreadsheet) => {
    expect(read(withSheet(spreadsheet)).destinations.r).toMatchObject({
      ...{ folder: null, spreadsheet: '1AbC-d_E', convertTo: 'sheet', onConflict: 'append' },
    });
  });

  test.each([
    'https://docs.google.com/spreadsheets/d/e/2PACX-1vT/pubhtml',
    'https://docs.google.com/document/d/1AbC-d_E/edit',
    'https://docs.google.com.evil.example/spreadsheets/d/1AbC-d_E/edit',
    '1AbC-d_E/edit',
    '',
  ])('is not %j', (spreadsheet) => {
    expect(faultsOf(withSheet(spreadsheet))).toEqual([expect.stringMatching(/^destinations\.r\.spreadsheet: /)]);
  });

  test.each<[string, object]>([
    ['spreadsheet', { folder: '0AbCdEf' }],
    ['path', { path: 'reports' }],
    ['onConflict', { onConflict: 'new' }],
    ['onConflict', { onConflict: 'skip' }],
    ['convertTo', { convertTo: 'doc' }],
    ['convertTo', { convertTo: null }],
    ['share', { share: [{ type: 'user', email: 'a@example.com', role: 'reader' }] }],
    ['readOnly', { readOnly: true }],
    ['noDownload', { noDownload: 'everyone' }],
    ['copyRequiresWriterPermission', { copyRequiresWriterPermission: true }],
    ['writersCanShare', { writersCanShare: false }],
    ['labels', { labels: { label: {} } }],
    ['keep', { keep: { last: 3 } }],
  ])('cannot be combined with another value of %s: %j', (key, more) => {
    expect(faultsOf(withSheet('1AbC-d_E', more))).toEqual([expect.stringMatching(`^destinations\\.r\\.${key}: `)]);
  });

  test('or a folder is needed', () => {
    expect(faultsOf({ destinations: { r: rest } })).toEqual(['destinations.r.folder: is missing']);
    expect(faultsOf({ destinations: { r: { ...rest, folder: null } } })).toEqual(['destinations.r.folder: is missing']);
  });

  test('is shown by --check', () => {
    expect(explain(read(withSheet('1AbC-d_E')))).toMatch(
      /spreadsheet +https:\/\/docs\.google\.com\/spreadsheets\/d\/1AbC-d_E\/edit\n/,
    );
  });
});

describe('an audience', () => {
  test.each([
    'https://courier-abc-an.a.run.app',
    'https://region-project.cloudfunctions.net/courier',
    'https://courier.example/v1/pubsub',
    '32555940559.apps.googleusercontent.com',
    'courier',
    'http://127.0.0.1:8080',
    'http://localhost:8080',
  ])('%j is accepted', (audience) => {
    expect(read({ audiences: [audience] }).audiences).toEqual([audience]);
  });

  test.each([
    ['http://courier.example', 'not an https URL'],
    ['ftp://courier.example', 'not an https URL'],
    ['https://', 'not a URL'],
    ['https://a.example https://b.example', 'several values'],
    ['https://a.example,https://b.example', 'several values'],
    ['https://a.examplehttps://b.example', 'several values'],
    ['https://a.example; https://b.example', 'several values'],
    ['https://a.example?x=1', 'query'],
    ['https://a.example/#x', 'fragment'],
    ['https://user@a.example', 'user'],
    ['courier-abc-an.a.run.app', 'must begin with https://'],
    ['/projects/1/locations/europe-west1/services/courier', 'identity: iap'],
    ['"https://a.example"', 'without quotes'],
  ])('%j never matches', (audience, why) => {
    expect(faultsOf({ audiences: [audience] })).toEqual([expect.stringMatching(/^audiences\.0: /)]);
    expect(faultsOf({ audiences: [audience] })[0]).toContain(why);
  });

  test.each(['https://courier.example', '/projects/p/locations/x/services/y', '/projects/1/services/y'])(
    '%j is not an audience of IAP',
    (audience) => {
      expect(faultsOf({ identity: 'iap', audiences: [audience] })).toEqual([
        expect.stringContaining('is not an IAP audience'),
      ]);
    },
  );

  test('with a trailing slash causes a warning', () => {
    expect(read({ audiences: ['https://courier.example/'] }).warnings).toEqual([
      expect.stringMatching(/^audiences\.0: .*"https:\/\/courier\.example"/),
    ]);
  });
});

describe('a caller', () => {
  test.each([
    ['user:a@example.com', 'write only the address, "a@example.com"'],
    ['serviceAccount:x@p.iam.gserviceaccount.com', 'write only the address'],
    ['group:sales@example.com', 'groups are not supported'],
    ['allUsers', 'not supported'],
    ['allAuthenticatedUsers', 'not supported'],
    ['*@example.com', '"domain:example.com"'],
    ['@example.com', '"domain:example.com"'],
    ['a@example.com, b@example.com', 'several values'],
    ['a@example.com;b@example.com', 'several values'],
    ['a@example.com;', 'several values'],
    ['alice', 'not an email address'],
    ['https://example.com', 'not an email address'],
    ['domain:gmail.com', 'no organization'],
    ['älice@example.com', 'not an email address'],
    ['alice@exämple.com', 'not an email address'],
    ["'a@example.com'", 'without quotes'],
  ])('%j never matches', (caller, why) => {
    expect(faultsOf(withCallers(caller))).toEqual([expect.stringMatching(/^destinations\.r\.callers\.0: /)]);
    expect(faultsOf(withCallers(caller))[0]).toContain(why);
  });

  test('with surrounding white space is trimmed with a warning', () => {
    const config = read(withCallers(' a@example.com\n', '\tdomain:Example.com '));
    expect(config.destinations.r?.callers).toEqual(['a@example.com', 'domain:example.com']);
    expect(config.warnings).toEqual([
      expect.stringMatching(/^destinations\.r\.callers\.0: white space/),
      expect.stringMatching(/^destinations\.r\.callers\.1: white space/),
    ]);
  });
});

test('in the environment form a value is reported with its variable', () => {
  const env = {
    COURIER_AUDIENCES: 'https://a.example https://b.example',
    COURIER_CALLERS: "'a@example.com'",
    COURIER_FOLDER: '"0AbCdEf"\n',
    COURIER_SECRET: 'projects/p/secrets/s',
  };
  expect(() => readConfig(env)).toThrow(
    expect.objectContaining({
      faults: [
        expect.stringMatching(/^COURIER_FOLDER: contains its quotes/),
        expect.stringMatching(/^COURIER_CALLERS: contains its quotes/),
        expect.stringMatching(/^COURIER_AUDIENCES: .*several values/),
      ],
    }),
  );
});

describe('limits and memory', () => {
  test.each([GIBIBYTE, 2 * GIBIBYTE])('buffers of %d bytes do not fit into a GiB', (bufferBytes) => {
    expect(faultsOf({ limits: { bufferBytes } })).toEqual([
      expect.stringMatching(/^limits\.bufferBytes: .*1024 MiB of/),
    ]);
  });

  test.each([
    [{ bufferBytes: 600 * 1024 * 1024 }, /^limits\.bufferBytes: 600 MiB is more than half/],
    [{ bufferBytes: 8 * 1024 * 1024 }, /^limits\.concurrentUploads: .* enough for 16 concurrent uploads .* not for 80/],
    [{ concurrentUploads: 1000 }, /^limits\.concurrentUploads: .* enough for 512 concurrent uploads .* not for 1000/],
  ])('%j causes a warning', (limits, warning) => {
    expect(read({ limits }).warnings).toEqual([expect.stringMatching(warning)]);
  });

  test('the defaults fit the smallest instance that the docs recommend', () => {
    expect(read({}, 512 * 1024 * 1024).warnings).toEqual([]);
  });
});

test('several destinations without a default cause a warning for each entry point', () => {
  const pubsub = {
    subscriptions: { 'projects/p/subscriptions/exports': { serviceAccount: 'p@x.example', destinations: ['r', 's'] } },
    eventDestinations: ['r', 's'],
  };
  const { warnings } = read({ destinations: { r: destination, s: destination }, pubsub });
  expect(warnings.map((warning) => warning.split(': ')[0])).toEqual([
    'destinations',
    'pubsub.subscriptions.projects/p/subscriptions/exports',
    'pubsub.eventDestinations',
    'pubsub.deadLetterTopic',
  ]);
});
