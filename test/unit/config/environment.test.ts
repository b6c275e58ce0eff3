import { describe, expect, test } from '@jest/globals';
import { readConfig } from '../../../src/config/config.ts';
import { faultsOf, messageOf, read } from '../../support/courier/config-document.ts';

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
  ])('if %s, whether the last line lists the ways to configure it', (_, given, isListed) => {
    const [first, ...rest] = messageOf(() => readConfig(given)).split('\n');
    expect(first).toMatch(/^The configuration has \d faults:$/);
    expect(rest.at(-1) === HINT).toBe(isListed);
  });

  test('treats an empty variable as absent', () => {
    expect(readConfig({ ...env, COURIER_GOOGLE_ORIGIN: '', PORT: '', COURIER_LEDGER: 'firestore' })).toMatchObject({
      port: 8080,
      googleOrigin: undefined,
      ledger: { firestore: { collection: 'deliveries' } },
    });
  });

  test('and the settings of the process may end with a line break, as a file of Windows leaves it', () => {
    const lines = Object.entries({
      ...env,
      LOG_LEVEL: 'warn',
      PORT: '9000',
      COURIER_LEDGER: 'firestore',
      K_SERVICE: '',
    });
    const config = readConfig(Object.fromEntries(lines.map(([name, value]) => [name, `${value}\r`])));
    expect(config).toMatchObject({ logLevel: 'warn', port: 9000, ledger: { firestore: {} }, onCloudRun: false });
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
