import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { type Config, readConfig } from '../../../src/config/config.ts';
import { ConfigError } from '../../../src/config/faults.ts';

const document = {
  audiences: ['https://courier.example'],
  destinations: {
    reports: { folder: '0AbCdEf', credentials: 'main', callers: ['Exporter@p.iam.gserviceaccount.com'] },
  },
  credentials: { main: { secret: 'projects/p/secrets/drive-key' } },
};
const read = (change: object = {}, env: Record<string, string> = {}): Config =>
  readConfig({ COURIER_CONFIG: JSON.stringify({ ...document, ...change }), ...env });

const faultsOf = (attempt: () => unknown): readonly string[] => {
  try {
    attempt();
  } catch (error) {
    if (error instanceof ConfigError) return error.faults;
    throw error;
  }
  return [];
};

const messageOf = (attempt: () => unknown): string => {
  try {
    attempt();
  } catch (error) {
    if (error instanceof ConfigError) return error.message;
    throw error;
  }
  return '';
};

describe('the document', () => {
  test('gets the defaults of the contract', () => {
    const config = read();
    expect(config.destinations.reports).toMatchObject({
      callers: ['exporter@p.iam.gserviceaccount.com'],
      path: '',
      onConflict: 'new',
      convertTo: null,
      share: [],
      maxBytes: 5_497_558_138_880,
    });
    expect(config.credentials.main).toMatchObject({
      secret: 'projects/p/secrets/drive-key/versions/latest',
      scopes: ['https://www.googleapis.com/auth/drive'],
      cacheSeconds: 300,
    });
    expect(config).toMatchObject({
      identity: 'id-token',
      ledger: 'memory',
      limits: { bufferBytes: null, concurrentUploads: 80, requestSeconds: 3600 },
      port: 8080,
      googleOrigin: undefined,
    });
  });

  test('is also read as YAML from a file', () => {
    const file = join(mkdtempSync(join(tmpdir(), 'courier-config-')), 'courier.yaml');
    writeFileSync(
      file,
      'audiences: [https://a.example]\ndestinations: {r: {folder: 0AbC, credentials: c, callers: ["domain:example.com"]}}\ncredentials: {c: {adc: true}}\nledger: {firestore: {database: (default), collection: deliveries, ttlDays: 14}}\n',
    );
    const config = readConfig({ COURIER_CONFIG_FILE: file });
    expect(config.destinations.r?.callers).toEqual(['domain:example.com']);
    expect(config.ledger).toMatchObject({ firestore: { ttlDays: 14 } });
  });

  test.each([
    ['an audience', { audiences: [] }, /^audiences: /],
    ['a destination', { destinations: {} }, /^destinations: /],
    [
      'a caller',
      { destinations: { r: { ...document.destinations.reports, callers: [] } } },
      /^destinations\.r\.callers: /,
    ],
    [
      'known credentials',
      { credentials: { other: { adc: true } } },
      /^destinations\.reports\.credentials: no credentials are named "main"/,
    ],
    [
      'one kind of credentials',
      { credentials: { main: { adc: true, secret: 'projects/p/secrets/s' } } },
      /^credentials\.main: needs exactly one/,
    ],
    [
      'a path that does not climb',
      { destinations: { r: { ...document.destinations.reports, path: 'a/../b' } } },
      /^destinations\.r\.path: folder 2 is ".."/,
    ],
    [
      'something that a share has not',
      {
        destinations: {
          r: {
            ...document.destinations.reports,
            share: [{ type: 'domain', domain: 'a.example', role: 'reader', notify: true }],
          },
        },
      },
      /^destinations\.r\.share\.0: .*"notify"/,
    ],
    [
      'a domain to share with',
      {
        destinations: {
          r: { ...document.destinations.reports, share: [{ type: 'domain', domain: '*', role: 'reader' }] },
        },
      },
      /^destinations\.r\.share\.0\.domain: is not a domain/,
    ],
    ['known members', { audience: 'x' }, /Unrecognized key: "audience"/],
    [
      'known destinations for events',
      { pubsub: { eventDestinations: ['nowhere'] } },
      /^pubsub\.eventDestinations: no destination is named "nowhere"/,
    ],
  ])('requires %s', (_, change, fault) => {
    expect(faultsOf(() => read(change))).toEqual([expect.stringMatching(fault)]);
  });

  test('describes missing values and wrong types in its own words, not a library’s', () => {
    const faults = faultsOf(() =>
      readConfig({
        COURIER_CONFIG: JSON.stringify({
          audiences: 'https://a.example',
          destinations: {
            r: {
              credentials: 1,
              callers: ['a@example.com'],
              maxBytes: 1.5,
              allowAnyone: 'yes',
              share: [{ type: 'anyone' }],
            },
          },
          limits: 5,
        }),
        PORT: 'x',
      }),
    );
    expect(faults).toEqual([
      'audiences: is not a list',
      'destinations.r.folder: is missing',
      'destinations.r.credentials: is not a string',
      'destinations.r.share.0.role: is missing',
      'destinations.r.allowAnyone: is not true or false',
      'destinations.r.maxBytes: is not an integer',
      'credentials: is missing',
      'limits: is not a mapping',
      'PORT: is not a number',
    ]);
  });

  test('that is empty is one error', () => {
    expect(faultsOf(() => readConfig({ COURIER_CONFIG: '# nothing yet' }))).toEqual(['the document: is not a mapping']);
  });

  test.each(['*', 'allUsers', 'domain:*', 'domain:', 'sub:abc', 'a@b', '@example.com', ''])(
    'rejects the caller "%s"',
    (caller) => {
      const destinations = { r: { ...document.destinations.reports, callers: [caller] } };
      expect(faultsOf(() => read({ destinations }))).toHaveLength(1);
    },
  );

  test.each([
    'domain:gmail.com',
    'domain:GoogleMail.com',
    'domain:gserviceaccount.com',
    'domain:iam.gserviceaccount.com',
    'domain:developer.gserviceaccount.com',
    'domain:appspot.gserviceaccount.com',
    'domain:cloudservices.gserviceaccount.com',
    'domain:gcp-sa-pubsub.iam.gserviceaccount.com',
  ])('rejects the caller or operator "%s", which never matches or matches everybody', (principal) => {
    const destinations = { r: { ...document.destinations.reports, callers: [principal] } };
    expect(faultsOf(() => read({ destinations, operators: [principal] }))).toEqual([
      expect.stringContaining(`operators.0: "${principal}"`),
      expect.stringContaining(`destinations.r.callers.0: "${principal}"`),
    ]);
  });

  test.each(['domain:my-proj.iam.gserviceaccount.com', 'domain:my-proj.example.com.iam.gserviceaccount.com'])(
    'accepts the service accounts of one project: "%s"',
    (caller) => {
      const destinations = { r: { ...document.destinations.reports, callers: [caller] } };
      expect(read({ destinations }).destinations.r?.callers).toEqual([caller]);
    },
  );

  test.each([
    'gs://exports/',
    'gs://exports/ready/',
    'gs://exports/a b/#1/100%/',
    'gs://my_bucket.example.com/x/',
    'bigquery://my-proj.sales.daily',
    'bigquery://my-proj.sales.*',
    'bigquery://example.com:my-proj.sales.Größe-1 a',
  ])('accepts the source "%s"', (source) => {
    const destinations = { r: { ...document.destinations.reports, sources: [source] } };
    expect(read({ destinations }).destinations.r?.sources).toEqual([source]);
  });

  test('accepts a bucket as all its objects, and allows nothing if nothing is listed', () => {
    const destinations = {
      r: { ...document.destinations.reports, sources: ['gs://exports'] },
      s: document.destinations.reports,
    };
    const config = read({ destinations });
    expect(config.destinations.r?.sources).toEqual(['gs://exports/']);
    expect(config.destinations.s?.sources).toEqual([]);
    expect(config.pubsub.eventSources).toEqual([]);
  });

  test.each([
    ['gs://exports/ready', 'must end with "/"'],
    ['gs://exports/ready/a.csv', 'must end with "/"'],
    ['gs://exports/*', 'wildcard'],
    ['gs://exports/ready/*/', 'wildcard'],
    ['gs://*/', 'gs://BUCKET/'],
    ['gs://', 'gs://BUCKET/'],
    ['gs:///x/', 'gs://BUCKET/'],
    ['gs://Exports/', 'gs://BUCKET/'],
    ['s3://exports/', 'gs://BUCKET/'],
    ['exports/', 'gs://BUCKET/'],
    ['https://storage.googleapis.com/exports/', 'gs://BUCKET/'],
    ['gs://exports/../other/', 'segment'],
    ['gs://exports/./', 'segment'],
    ['gs://exports/a\nb/', 'cannot be the beginning'],
    ['bigquery://my-proj.sales', 'bigquery://PROJECT.DATASET.TABLE'],
    ['bigquery://my-proj.*', 'bigquery://PROJECT.DATASET.TABLE'],
    ['bigquery://my-proj.*.*', 'bigquery://PROJECT.DATASET.TABLE'],
    ['bigquery://my-proj.sales.events_*', 'bigquery://PROJECT.DATASET.TABLE'],
    ['bigquery://my-proj.sales.a`b', 'bigquery://PROJECT.DATASET.TABLE'],
    ['bigquery://my-proj/sales/daily', 'bigquery://PROJECT.DATASET.TABLE'],
  ])('rejects the source "%s"', (source, why) => {
    const destinations = { r: { ...document.destinations.reports, sources: [source] } };
    const subscriptions = {
      'projects/p/subscriptions/exports': { serviceAccount: 'a@b.example', destinations: ['r'], sources: [source] },
    };
    expect(faultsOf(() => read({ destinations, pubsub: { subscriptions, eventSources: [source] } }))).toEqual([
      expect.stringMatching(/^destinations\.r\.sources\.0: /),
      expect.stringMatching(/^pubsub\.subscriptions\.projects\/p\/subscriptions\/exports\.sources\.0: /),
      expect.stringMatching(/^pubsub\.eventSources\.0: /),
    ]);
    expect(faultsOf(() => read({ destinations }))[0]).toContain(why);
  });

  test('shares with everybody only with two settings', () => {
    const share = [{ type: 'anyone', role: 'reader' }];
    const of = (extra: object): object => ({
      destinations: { r: { ...document.destinations.reports, share, ...extra } },
    });
    expect(faultsOf(() => read(of({})))).toEqual([expect.stringContaining('allowAnyone')]);
    expect(faultsOf(() => read(of({ allowAnyone: true })))).toEqual([]);
  });

  test('reports all errors at once, each with its path, including references that do not resolve', () => {
    const faults = faultsOf(() =>
      read(
        {
          audiences: [],
          destinations: { r: { folder: '', credentials: 'nobody', callers: ['*'] } },
          ledger: 'redis',
          pubsub: { subscriptions: {}, eventDestinations: ['nowhere'] },
        },
        { PORT: 'x' },
      ),
    );
    expect(faults.map((fault) => fault.split(':')[0])).toEqual([
      'audiences',
      'destinations.r.folder',
      'destinations.r.callers.0',
      'ledger',
      'destinations.r.credentials',
      'pubsub.eventDestinations',
      'PORT',
    ]);
    expect(faults).toContainEqual('ledger: must be "memory" or {firestore: {…}}');
  });

  test('reports errors within an entry with an invalid name, and public sharing along with other errors', () => {
    const destination = {
      folder: '0AbCdEf',
      credentials: 'main',
      callers: ['*'],
      bogus: 1,
      share: [{ type: 'anyone', role: 'reader' }],
    };
    const subscriptions = { x: { serviceAccount: 'no', destinations: ['nope'] } };
    const faults = faultsOf(() => read({ destinations: { 'b c': destination }, pubsub: { subscriptions } }));
    for (const expected of [
      'destinations.b c: is not a valid destination name (',
      'destinations.b c.callers.0: ',
      'destinations.b c: Unrecognized key: "bogus"',
      'destinations.b c.share: shares every file with anyone on the internet',
      'pubsub.subscriptions.x: is not the name of a subscription',
      'pubsub.subscriptions.x.serviceAccount: ',
      'pubsub.subscriptions.x.destinations: no destination is named "nope"',
    ]) {
      expect(faults).toContainEqual(expect.stringContaining(expected));
    }
  });

  test('that is not YAML is one error, and is not quoted completely', () => {
    expect(faultsOf(() => readConfig({ COURIER_CONFIG: 'a: [1, 2\nsecret: hunter2' }))).toEqual([
      expect.stringMatching(/^COURIER_CONFIG: is not valid YAML at line 2, column \d+: (?!.*hunter2)/),
    ]);
  });

  test.each([
    ['a: b: c', 'is not valid YAML at line 1, column 4: put a value that contains ": " in quotes'],
    ['a:\n\t- b', 'is not valid YAML at line 2, column 1: indent with spaces instead of tabs'],
    ['a: 1\na: 2', 'is not valid YAML at line 2, column 1: the key is given twice'],
    ['- a\nb: 1', 'is not valid YAML at line 2, column 1: Unexpected scalar at node end'],
  ])('%j is reported with position and cause', (text, fault) => {
    expect(faultsOf(() => readConfig({ COURIER_CONFIG: text }))).toEqual([`COURIER_CONFIG: ${fault}`]);
  });

  test.each<[string, Buffer | undefined, string]>([
    [
      'in UTF-16, as PowerShell writes it',
      Buffer.from('\ufeffaudiences: []', 'utf16le'),
      'is UTF-16; save the file as UTF-8',
    ],
    ['in another encoding', Buffer.from([0x61, 0x3a, 0xe9]), 'is not UTF-8; save the file as UTF-8'],
    ['that does not exist', undefined, 'the file does not exist'],
  ])('a file %s is reported in one sentence', (_, bytes, fault) => {
    const file = join(mkdtempSync(join(tmpdir(), 'courier-config-')), 'courier.yaml');
    if (bytes !== undefined) writeFileSync(file, bytes);
    expect(faultsOf(() => readConfig({ COURIER_CONFIG_FILE: file }))).toEqual([`COURIER_CONFIG_FILE: ${fault}`]);
  });
});

describe('the environment form', () => {
  const env = {
    COURIER_AUDIENCES: 'https://a.example, https://b.example',
    COURIER_CALLERS: 'a@example.com,domain:example.org',
    COURIER_FOLDER: '0AbCdEf',
    COURIER_SECRET: 'projects/p/secrets/s/versions/3',
  };

  test('makes one destination called default', () => {
    const config = readConfig(env);
    expect(config.audiences).toEqual(['https://a.example', 'https://b.example']);
    expect(config.destinations.default?.callers).toEqual(['a@example.com', 'domain:example.org']);
    expect(config.credentials.default?.secret).toBe('projects/p/secrets/s/versions/3');
    expect(config.identity).toBe('id-token');
    expect(readConfig({ ...env, COURIER_IDENTITY: 'cloud-run-iam' }).identity).toBe('cloud-run-iam');
    expect(faultsOf(() => readConfig({ ...env, COURIER_IDENTITY: 'x' }))).toEqual([
      expect.stringMatching(/^COURIER_IDENTITY: /),
    ]);
  });

  const FIRST_RUN = [
    'COURIER_AUDIENCES: needs at least one audience',
    'COURIER_FOLDER: is missing',
    'COURIER_CALLERS: is empty: list at least one caller',
    'COURIER_SECRET | COURIER_KEY_FILE | COURIER_IMPERSONATE: needs exactly one of these',
  ];
  const HINT = 'Set COURIER_CONFIG_FILE or COURIER_CONFIG, or the variables above (see docs/configuration.md)';

  test('reports its errors with the names of the variables', () => {
    expect(faultsOf(() => readConfig({}))).toEqual(FIRST_RUN);
  });

  test.each<[string, Record<string, string>, boolean]>([
    ['nothing is set', {}, true],
    ['only what the platform sets', { PORT: '8080', K_SERVICE: 'courier' }, true],
    ['variables are', { COURIER_FOLDER: '0AbCdEf' }, false],
    ['a document is', { COURIER_CONFIG: 'audiences: []' }, false],
  ])('if %s, whether the last line lists the ways to configure it', (_, given, isTold) => {
    const [first, ...rest] = messageOf(() => readConfig(given)).split('\n');
    expect(first).toMatch(/^The configuration has \d faults:$/);
    expect(rest.at(-1) === HINT).toBe(isTold);
  });

  test('treats an empty variable as absent', () => {
    expect(readConfig({ ...env, COURIER_GOOGLE_ORIGIN: '', PORT: '', COURIER_LEDGER: 'firestore' })).toMatchObject({
      port: 8080,
      googleOrigin: undefined,
      ledger: { firestore: { collection: 'deliveries' } },
    });
  });

  test('cannot be combined with a document', () => {
    expect(faultsOf(() => read({}, { COURIER_FOLDER: '0A' }))).toEqual([expect.stringMatching(/^COURIER_FOLDER: /)]);
  });
});

test.each(['http://127.0.0.1:9010/', 'http://localhost:1', 'http://[::1]:9'])('the origin %s is loopback', (origin) => {
  expect(read({}, { COURIER_GOOGLE_ORIGIN: origin }).googleOrigin).toBe(origin.replace(/\/$/, ''));
});

test.each(['http://10.0.0.1', 'https://127.0.0.1.example.com', 'http://localhost@evil.example', 'x'])(
  'the origin %s is rejected',
  (origin) => {
    expect(faultsOf(() => read({}, { COURIER_GOOGLE_ORIGIN: origin }))[0]).toMatch(/^COURIER_GOOGLE_ORIGIN: /);
  },
);

test('the platform’s identity is certain only on Cloud Run without a configured credentials file', () => {
  const K_SERVICE = 'courier';
  expect(read().hasPlatformIdentity).toBe(false);
  expect(read({}, { K_SERVICE }).hasPlatformIdentity).toBe(true);
  expect(read({}, { K_SERVICE, GOOGLE_APPLICATION_CREDENTIALS: '/key.json' }).hasPlatformIdentity).toBe(false);
});
