import { describe, expect, test } from '@jest/globals';
import { readConfig } from '../../src/config/config.ts';
import { ConfigError } from '../../src/config/faults.ts';

describe('the configuration sends the courier to no other host', () => {
  test.each([
    'https://evil.example',
    'http://127.0.0.1.evil.example:9010',
    'http://127.0.0.1@evil.example',
    'http://localhost.evil.example',
    'http://localhost:9010@evil.example/',
    'http://169.254.169.254',
    'http://10.0.0.1',
    'http://[::ffff:169.254.169.254]',
    'file:///etc/passwd',
    '//evil.example',
  ])('COURIER_GOOGLE_ORIGIN=%s is rejected', (origin) => {
    const variables = {
      ...{ COURIER_AUDIENCES: 'https://a.example', COURIER_CALLERS: 'a@example.com', COURIER_FOLDER: 'folder-id' },
      COURIER_KEY_FILE: '/key.json',
    };
    expect(() => readConfig(variables)).not.toThrow();
    expect(() => readConfig({ ...variables, COURIER_GOOGLE_ORIGIN: origin })).toThrow(ConfigError);
  });

  test.each([
    ['an address of Drive', { destinations: { d: { baseUrl: 'http://evil.example' } } }],
    ['an address of Google', { googleOrigin: 'http://evil.example' }],
    ['an address for tokens', { credentials: { main: { tokenUri: 'http://evil.example' } } }],
    ['a folder that is an address', { destinations: { d: { folder: 'https://evil.example/x' } } }],
    ['a folder that is a path', { destinations: { d: { folder: '../../x' } } }],
    ['a secret that is an address', { credentials: { main: { secret: 'https://evil.example/secrets/x/versions/1' } } }],
    ['a secret that goes up', { credentials: { main: { secret: 'projects/../secrets/x/versions/../../y' } } }],
    ['a topic that is an address', { pubsub: { deadLetterTopic: 'https://evil.example/topics/abc' } }],
    ['an account that is an address', { credentials: { main: { impersonate: 'a@evil.example/../x?y=' } } }],
    ['a collection that is a path', { ledger: { firestore: { collection: 'a/b' } } }],
  ])('a configuration with %s is rejected', (_, change) => {
    const base = {
      audiences: ['https://a.example'],
      destinations: { d: { folder: 'folder-id', credentials: 'main', callers: ['a@example.com'] } },
      credentials: { main: { file: '/key.json' } },
    };
    const merged: Record<string, unknown> = { ...base, ...change };
    if ('destinations' in change) merged.destinations = { d: { ...base.destinations.d, ...change.destinations?.d } };
    if ('credentials' in change && change.credentials !== undefined) {
      const { main } = change.credentials;
      merged.credentials = { main: 'tokenUri' in main ? { ...base.credentials.main, ...main } : main };
    }
    expect(() => readConfig({ COURIER_CONFIG: JSON.stringify(base) })).not.toThrow();
    expect(() => readConfig({ COURIER_CONFIG: JSON.stringify(merged) })).toThrow(ConfigError);
  });
});
