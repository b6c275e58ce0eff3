import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { readConfig } from '../../../src/config/config.ts';
import { document, faultsOf, read } from '../../support/courier/config-document.ts';

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
      'known credentials in a list',
      { destinations: { r: { ...document.destinations.reports, credentials: ['main', 'other'] } } },
      /^destinations\.r\.credentials: no credentials are named "other"/,
    ],
    [
      'credentials that are named once',
      { destinations: { r: { ...document.destinations.reports, credentials: ['main', 'main'] } } },
      /^destinations\.r\.credentials: names the same credentials twice/,
    ],
    [
      'credentials in a list',
      { destinations: { r: { ...document.destinations.reports, credentials: [] } } },
      /^destinations\.r\.credentials: is empty/,
    ],
    [
      'one kind of credentials',
      { credentials: { main: { adc: true, secret: 'projects/p/secrets/s' } } },
      /^credentials\.main: needs exactly one/,
    ],
    [
      'a path that does not climb',
      { destinations: { r: { ...document.destinations.reports, path: 'a/../b' } } },
      /^destinations\.r\.path: is invalid, because folder 2 is ".."/,
    ],
    [
      'a field that a share does not have',
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
      'destinations.r.credentials: is not a name, or a list of names, of "credentials"',
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

  test.each([
    ['YAML', 'audiences: [https://a.example]\r\ndestinations:\r\n  r:\r\n    folder: 0AbC\r\n    credentials: c\r\n'],
    ['JSON', '{"audiences": ["https://a.example"],\r\n"destinations": {"r": {"folder": "0AbC", "credentials": "c"}}}'],
  ])('%s with a byte order mark and line breaks of Windows is read', (_, text) => {
    const folder = mkdtempSync(join(tmpdir(), 'courier-config-'));
    const file = join(folder, 'courier.yaml');
    const marked = `\ufeff${text}\r\n`;
    writeFileSync(file, marked);
    for (const env of [
      { COURIER_CONFIG: marked },
      { COURIER_CONFIG_FILE: file },
      { COURIER_CONFIG_FILE: `${file}\r` },
    ]) {
      expect(faultsOf(() => readConfig(env as Record<string, string>))).toEqual([
        'destinations.r.callers: is missing',
        'credentials: is missing',
      ]);
    }
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
