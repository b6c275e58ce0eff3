import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeEach, describe, expect, test } from '@jest/globals';
import { configPath, readConfigFile, writeConfigKey } from '../../../src/client/commands/config/config-file.ts';
import { configSetCommand } from '../../../src/client/commands/config/config.ts';
import { readSettings, type SettingFlags } from '../../../src/client/commands/config/settings.ts';
import { discoverIdentity } from '../../../src/client/identity/discover.ts';
import { CourierClient } from '../../../src/client/index.ts';

const folder = mkdtempSync(join(tmpdir(), 'courier-settings-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const env = { XDG_CONFIG_HOME: folder };
const path = configPath(env);
beforeEach(() => rmSync(dirname(path), { recursive: true, force: true }));

const write = (text: string): void => {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
};
const runConfigSet = (keyFile: string) =>
  configSetCommand({ env } as unknown as Parameters<typeof configSetCommand>[0], 'key-file', keyFile);
const valuesOf = async (variables: Record<string, string>, flags: SettingFlags = {}) => {
  const settings = await readSettings({ ...env, ...variables }, flags);
  return Object.fromEntries(Object.entries(settings).map(([key, { value }]) => [key, value]));
};

describe('the path of the configuration file', () => {
  test.each([
    [{ XDG_CONFIG_HOME: '/x', HOME: '/h' }, '/x/drive-courier/config.yaml'],
    [{ XDG_CONFIG_HOME: 'relative', HOME: '/h' }, '/h/.config/drive-courier/config.yaml'],
    [{ HOME: '/h' }, '/h/.config/drive-courier/config.yaml'],
  ])('%j', (variables, expected) => expect(configPath(variables)).toBe(expected));
});

test('a credentials file may begin with a byte order mark and have line breaks of Windows', async () => {
  const file = join(folder, 'marked.json');
  writeFileSync(file, '\ufeff{\r\n"type": "unknown"\r\n}\r\n');
  await expect(discoverIdentity({ keyFile: file, env: {} })).rejects.toMatchObject({
    code: 'identity-unusable',
    detail: expect.stringContaining('"unknown"'),
  });
});

describe('a key in place of the path of its file', () => {
  const SECRET = 'MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQ';
  const KEY = JSON.stringify({ type: 'service_account', private_key: `-----BEGIN PRIVATE KEY-----\n${SECRET}\n` });

  test.each([
    ['the option', () => readSettings(env, { keyFile: KEY }), 'usage'],
    ['the variable', () => readSettings({ ...env, GOOGLE_APPLICATION_CREDENTIALS: `\n${KEY}` }, {}), 'usage'],
    ['the client', () => discoverIdentity({ keyFile: KEY, env: {} }), 'identity-unusable'],
    ['its variable', () => discoverIdentity({ env: { GOOGLE_APPLICATION_CREDENTIALS: KEY } }), 'identity-unusable'],
    ['the configuration', () => runConfigSet(KEY), 'usage'],
  ])('is refused, and not printed: %s', async (_, read, code) => {
    const error = await read().catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code });
    expect(`${String(error)} ${JSON.stringify(error)}`).not.toContain(SECRET.slice(0, 8));
  });
});

describe('a password in a URL', () => {
  const URL_WITH_PASSWORD = 'https://user:hunter2@courier.example';

  test.each([
    ['--url', () => readSettings(env, { url: URL_WITH_PASSWORD })],
    ['COURIER_URL', () => readSettings({ ...env, COURIER_URL: ` ${URL_WITH_PASSWORD}\n` }, {})],
    ['the audience', () => readSettings(env, { url: 'https://courier.example', audience: URL_WITH_PASSWORD })],
    ['the client', async () => new CourierClient({ url: URL_WITH_PASSWORD })],
    ['the client, as an object', async () => new CourierClient({ url: new URL('https://:hunter2@courier.example') })],
    ['the client, over HTTP', async () => new CourierClient({ url: 'http://hunter2@courier.example' })],
  ])('is refused, and not printed: %s', async (_, read) => {
    const error = await read().catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: 'usage' });
    expect(`${String(error)} ${JSON.stringify(error)}`).not.toContain('hunter2');
  });
});

describe('precedence', () => {
  const FILE = 'url: https://file.example\nkeyFile: /file.json\nimpersonate: file@example.com\ndestination: file\n';

  test('the file alone', async () => {
    write(FILE);
    expect(await valuesOf({})).toEqual({
      url: 'https://file.example',
      audience: 'https://file.example',
      keyFile: '/file.json',
      impersonate: 'file@example.com',
      destination: 'file',
    });
  });

  test('variables before the file, and options before both', async () => {
    write(FILE);
    const variables = {
      COURIER_URL: 'https://variable.example',
      GOOGLE_APPLICATION_CREDENTIALS: '/variable.json',
      CLOUDSDK_AUTH_IMPERSONATE_SERVICE_ACCOUNT: 'variable@example.com',
    };
    const fromVariables = {
      url: 'https://variable.example',
      keyFile: '/variable.json',
      impersonate: 'variable@example.com',
    };
    expect(await valuesOf(variables)).toMatchObject(fromVariables);
    const flags = {
      url: 'https://option.example',
      keyFile: '/option.json',
      impersonate: 'o@example.com',
      to: 'option',
    };
    const { to: destination, ...rest } = flags;
    expect(await valuesOf(variables, flags)).toMatchObject({ ...rest, destination });
  });

  test('each setting names its source', async () => {
    write(FILE);
    expect(await readSettings({ ...env, COURIER_URL: 'https://v.example' }, { to: 'x' })).toMatchObject({
      url: { source: 'COURIER_URL' },
      audience: { source: 'the URL' },
      impersonate: { source: path },
      destination: { source: '--to' },
    });
  });
});

describe('values are normalized', () => {
  test.each([
    ['a line break', { COURIER_URL: 'https://a.example\n' }, 'https://a.example'],
    ['spaces', { COURIER_URL: '  https://a.example ' }, 'https://a.example'],
    ['a slash', { COURIER_URL: 'https://a.example/' }, 'https://a.example'],
    ['a slash and a line break in the audience', { COURIER_AUDIENCE: 'https://b.example/\r\n' }, 'https://b.example'],
    [
      'the first of several audiences',
      { COURIER_AUDIENCES: ' https://b.example/ ,https://c.example' },
      'https://b.example',
    ],
    [
      'the one that is the URL',
      { COURIER_URL: 'https://c.example/', COURIER_AUDIENCES: 'https://b.example,https://c.example' },
      'https://c.example',
    ],
    [
      'one audience before several',
      { COURIER_AUDIENCE: 'https://a.example', COURIER_AUDIENCES: 'https://b.example' },
      'https://a.example',
    ],
  ])('%s', async (_, variables, audience) => {
    expect((await valuesOf(variables as Record<string, string>)).audience).toBe(audience);
  });

  test('but --audience is used unchanged: a service may list a slash', async () => {
    expect((await valuesOf({}, { audience: 'https://a.example/' })).audience).toBe('https://a.example/');
  });

  test('an empty variable is ignored', async () => {
    write('url: https://file.example\n');
    expect((await valuesOf({ COURIER_URL: ' \n' })).url).toBe('https://file.example');
  });

  test('the audience in the file applies only to the URL in the file', async () => {
    write('url: https://file.example\naudience: https://audience.example\n');
    expect((await valuesOf({})).audience).toBe('https://audience.example');
    expect((await valuesOf({ COURIER_URL: 'https://other.example' })).audience).toBe('https://other.example');
  });
});

describe('the configuration file', () => {
  test('may begin with a byte order mark and have line breaks of Windows', async () => {
    write('\ufeffurl: https://a.example\r\nimpersonate: a@example.com\r\n');
    expect(await readConfigFile(env)).toEqual({ url: 'https://a.example', impersonate: 'a@example.com' });
    await writeConfigKey(env, 'url', 'https://b.example');
    expect(await readConfigFile(env)).toEqual({ url: 'https://b.example', impersonate: 'a@example.com' });
    write('\ufeff');
    expect(await readConfigFile(env)).toEqual({});
  });

  test('is created with its folder, keeps comments, and loses only the removed key', async () => {
    await writeConfigKey(env, 'url', 'https://a.example');
    expect(readFileSync(path, 'utf8')).toBe('url: https://a.example\n');
    write('# Ours\nurl: https://a.example # the courier\nimpersonate: a@example.com\n');
    await writeConfigKey(env, 'url', 'https://b.example');
    await writeConfigKey(env, 'impersonate', undefined);
    expect(readFileSync(path, 'utf8')).toBe('# Ours\nurl: https://b.example # the courier\n');
    await writeConfigKey(env, 'url', undefined);
    expect(await readConfigFile(env)).toEqual({});
  });

  test('that does not exist counts as empty, and removing a key does not create it', async () => {
    expect(await readConfigFile(env)).toEqual({});
    expect(await readConfigFile({ HOME: '/dev/null' })).toEqual({});
    await writeConfigKey(env, 'url', undefined);
    expect(existsSync(path)).toBe(false);
  });

  test.each([
    ['an unknown key', 'ulr: https://a.example\n', 'unknown key "ulr"'],
    ['a number', 'url: 5\n', 'is not a list'],
    ['a list', '- url\n', 'is not a list'],
    ['wrong YAML', 'url: "a\n', 'config.yaml: '],
  ])('with %s is a usage error that names it', async (_, text, detail) => {
    write(text);
    await expect(readConfigFile(env)).rejects.toMatchObject({
      code: 'usage',
      exitCode: 64,
      detail: expect.stringContaining(detail),
      remedy: expect.stringContaining(path),
    });
  });
});
