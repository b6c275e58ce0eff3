import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from '@jest/globals';
import { type Lock, readLock } from '../../scripts/build/packages/lockfile.ts';
import { audit } from '../../scripts/supply-chain/audit.ts';
import {
  installScriptFaults,
  integrityFaults,
  licenceFaults,
  npmrcFaults,
  pinningFaults,
} from '../../scripts/supply-chain/lockfile-checks.ts';
import { machinePathFaults, secretFaults } from '../../scripts/supply-chain/text-checks.ts';

const folder = await mkdtemp(join(tmpdir(), 'courier-supply-'));
afterAll(() => rm(folder, { recursive: true, force: true }));

const INTEGRITY = `sha512-${'A'.repeat(86)}==`;
const GOOD = { version: '1.0.0', integrity: INTEGRITY, license: 'MIT' };

/** A valid lock file with one package, except for the changes. */
const lockWith = async (changes: object, name = 'thing'): Promise<Lock> => {
  const packages = { '': { name: 'drive-courier' }, [`node_modules/${name}`]: { ...GOOD, ...changes } };
  await writeFile(join(folder, 'package-lock.json'), JSON.stringify({ lockfileVersion: 3, packages }));
  return readLock(folder);
};

describe('the lock file', () => {
  test.each([
    ['has no integrity', { integrity: undefined }, 'node_modules/thing has no SHA-512 in package-lock.json'],
    ['has a weak one', { integrity: 'sha1-AAAA' }, 'node_modules/thing has no SHA-512 in package-lock.json'],
    [
      'comes from elsewhere',
      { resolved: 'https://evil.example/thing.tgz' },
      'comes from https://evil.example/thing.tgz',
    ],
    [
      'looks alike',
      { resolved: 'https://registry.npmjs.org.evil.example/t' },
      'comes from https://registry.npmjs.org.evil',
    ],
    ['comes from git', { resolved: 'git+ssh://git@github.com/a/b.git#1' }, 'comes from git+ssh'],
    ['is a link', { link: true }, 'is a link to a folder'],
  ])('is rejected if a package %s', async (_, changes, fault) => {
    expect(integrityFaults(await lockWith(changes))).toEqual([expect.stringContaining(fault)]);
  });

  test('is accepted if every package has a checksum', async () => {
    expect(integrityFaults(await lockWith({}))).toEqual([]);
    expect(integrityFaults(await lockWith({ resolved: 'https://registry.npmjs.org/thing/-/thing-1.0.0.tgz' }))).toEqual(
      [],
    );
  });

  test.each([
    'registry=https://evil.example/',
    '@a:registry = http://x/',
    '//x/:_authToken=npm_abc',
    'strict-ssl=false',
  ])('is rejected beside an .npmrc that contains %s, which is not quoted completely', (line) => {
    const faults = npmrcFaults(`save-exact=true\n# registry is not set\n${line}\n`);
    expect(faults).toEqual([expect.stringMatching(/^\.npmrc says .*= …$/)]);
    expect(faults[0]).not.toMatch(/evil|npm_abc/);
  });

  test.each(['^1.0.0', '~1.0.0', '*', 'latest', '1', 'git+https://x/y', 'file:../x', 'npm:other@1.0.0', '>=1.0.0'])(
    'is rejected beside a package.json that requests "%s"',
    (version) => {
      expect(pinningFaults({ dependencies: { good: '1.0.0', pre: '1.0.0-rc.1', thing: version } })).toHaveLength(1);
    },
  );
});

test('an install script that is not on the list is rejected, and so is an entry of the list without one', async () => {
  const lock = await lockWith({ hasInstallScript: true });
  expect(installScriptFaults(lock, {})).toEqual(['thing runs a script when it is installed']);
  expect(installScriptFaults(lock, { thing: 'it may' })).toEqual([]);
  expect(installScriptFaults(await lockWith({}), { thing: 'it may' })).toEqual([
    'thing is on the list of install scripts, and has none',
  ]);
});

test.each([
  ['GPL-3.0-only', 1],
  ['UNLICENSED', 1],
  ['SEE LICENSE IN LICENSE.md', 1],
  [undefined, 1],
  ['MIT AND GPL-2.0-only', 1],
  ['(MIT OR GPL-2.0-only)', 0],
  ['MIT AND ISC', 0],
  ['Apache-2.0', 0],
])('a production dependency under %s: %i error(s)', async (license, count) => {
  expect(licenceFaults(await lockWith({ license }))).toHaveLength(count);
  expect(licenceFaults(await lockWith({ license, dev: true }))).toEqual([]);
});

test('a reviewed licence is valid only for the text that was reviewed', async () => {
  expect(licenceFaults(await lockWith({ license: 'BSD' }, 'url-template'))).toEqual([]);
  expect(licenceFaults(await lockWith({ license: 'AGPL-3.0-only' }, 'url-template'))).toHaveLength(1);
});

describe('a file', () => {
  /** Assembled here, so that this file contains no secret. */
  const SECRETS: [string, string][] = [
    ['a private key', `-----BEGIN ${'PRIVATE'} KEY-----\n${'MIIEv'.repeat(13)}\n`],
    ['a private key', `{"k":"-----BEGIN RSA ${'PRIVATE'} KEY-----\\n${'MIIEv'.repeat(13)}\\n"}`],
    ['a Google access token', `ya29${'.'}${'a0'.repeat(40)}`],
    ['a Google refresh token', `1/${'/0'}${'gA'.repeat(20)}`],
    ['a Google API key', `AI${'za'}${'x'.repeat(35)}`],
    ['a Google OAuth client secret', `GOC${'SPX-'}${'x'.repeat(28)}`],
    ['a GitHub token', `gh${'p_'}${'x'.repeat(36)}`],
    ['an npm token', `np${'m_'}${'x'.repeat(36)}`],
    ['an AWS access key', `AK${'IA'}${'X'.repeat(16)}`],
    ['a Slack token', `xo${'xb-'}${'1'.repeat(24)}`],
    ['a signed JWT', ['eyJhbGciOiJSUzI1NiJ9', 'eyJpc3MiOiJhY2NvdW50cyJ9', 's'.repeat(86)].join('.')],
    ['a session URI', `https://x/upload?upload${'_id='}${'A'.repeat(90)}`],
  ];

  test.each(SECRETS)('that contains what looks like %s is reported by line, without the secret', (form, secret) => {
    const faults = secretFaults([{ path: 'a.ts', text: `one\ntwo ${secret}` }], {});
    expect(faults).toEqual([`a.ts:2 has what looks like ${form}`]);
  });

  test('on the list is skipped, and one that no longer needs it is reported', () => {
    const text = SECRETS[4]?.[1] ?? '';
    expect(secretFaults([{ path: 'a.ts', text }], { 'a.ts': 'made up' })).toEqual([]);
    expect(secretFaults([{ path: 'a.ts', text: '' }], { 'a.ts': 'made up' })).toHaveLength(1);
  });

  test.each([
    ['of this checkout', ['', 'srv', 'checkout', 'src'].join('/'), 1],
    ['of a person', ['see ', 'home', 'alice', 'notes'].join('/'), 1],
    ['of a person on macOS', ['', 'Users', 'alice', 'notes'].join('/'), 1],
    ['of the administrator', ['"', 'root', '.npmrc'].join('/'), 1],
    ['of an address', 'https://x.example/home/alice/a', 0],
    ['of a container', '/app/server.js', 0],
  ])('that names a folder %s', (_, text, count) => {
    expect(machinePathFaults([{ path: 'a.md', text }], '/srv/checkout')).toHaveLength(count);
  });
});

describe('npm audit', () => {
  /** A registry that knows one vulnerability. */
  const startRegistry = async (isUp: boolean) => {
    const advisory = { id: 1, url: 'https://x/1', title: 'bad', severity: 'high', vulnerable_versions: '<2.0.0' };
    const server = createServer((request, response) => {
      request.resume();
      const path = request.url ?? '';
      response.setHeader('content-type', 'application/json');
      if (!isUp) response.writeHead(503).end('{}');
      else if (path.includes('advisories/bulk')) response.end(JSON.stringify({ thing: [advisory] }));
      else if (path === '/thing') {
        const version = { name: 'thing', version: '1.0.0', dist: { tarball: 'http://127.0.0.1:1/t.tgz' } };
        response.end(
          JSON.stringify({ name: 'thing', 'dist-tags': { latest: '1.0.0' }, versions: { '1.0.0': version } }),
        );
      } else response.writeHead(404).end('{}');
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`, close: () => server.close() };
  };
  const auditAt = async (registry: string) => {
    const manifest = { name: 'drive-courier', version: '1.0.0', dependencies: { thing: '1.0.0' } };
    await writeFile(join(folder, 'package.json'), JSON.stringify(manifest));
    const packages = { '': manifest, 'node_modules/thing': GOOD };
    const lock = { name: 'drive-courier', version: '1.0.0', lockfileVersion: 3, requires: true, packages };
    await writeFile(join(folder, 'package-lock.json'), JSON.stringify(lock));
    const settings = {
      npm_config_registry: registry,
      npm_config_fetch_retries: '0',
      npm_config_cache: join(folder, 'cache'),
    };
    return audit(folder, { ...process.env, ...settings });
  };

  test('reports known vulnerabilities of a production dependency', async () => {
    const registry = await startRegistry(true);
    const audited = await auditAt(registry.url);
    registry.close();
    expect(audited).toEqual({ faults: [expect.stringMatching(/^thing .*known vulnerability \(high\)/)] });
  }, 120_000);

  test('without a response is reported as not done', async () => {
    const registry = await startRegistry(false);
    const audited = await auditAt(registry.url);
    registry.close();
    expect(audited).toEqual({ notChecked: 'the registry did not answer "npm audit"' });
  }, 120_000);
});
