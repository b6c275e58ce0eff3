import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { Metafile } from 'esbuild';
import { type Build, buildDist } from '../../scripts/build/build.ts';
import { digestOf, filesOf } from '../../scripts/build/digest.ts';
import { folderOf, nameOf } from '../../scripts/build/packages/lockfile.ts';

const execute = promisify(execFile);
const root = join(import.meta.dirname, '../..');

let folder: string;
let dist: string;
let made: Build;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'courier-build-'));
  dist = join(folder, 'dist');
  made = await buildDist(root, dist);
}, 120_000);
afterAll(() => rm(folder, { recursive: true, force: true }));

interface Component {
  name: string;
  group?: string;
  version: string;
  purl: string;
  'bom-ref': string;
  licenses: { license?: { id?: string; name?: string }; expression?: string }[];
  hashes: { alg: string; content: string }[];
  properties: { name: string; value: string }[];
}
interface Bom {
  bomFormat: string;
  specVersion: string;
  serialNumber: string;
  components: Component[];
  dependencies: { ref: string; dependsOn: string[] }[];
}
const readJson = async (path: string) => JSON.parse(await readFile(join(dist, path), 'utf8'));
const readBom = (): Promise<Bom> => readJson('sbom.cdx.json');
const fullName = ({ group, name }: Component): string => (group === undefined ? name : `${group}/${name}`);

/** The outputs that an output loads immediately, including itself; not those that it imports later. */
const loadedAtOnce = ({ outputs }: Metafile, entry: RegExp): string[] => {
  const seen = new Set(Object.keys(outputs).filter((path) => entry.test(path)));
  for (const path of seen) {
    for (const { path: next, kind } of outputs[path]?.imports ?? []) {
      if (kind === 'import-statement' && outputs[next] !== undefined) seen.add(next);
    }
  }
  return [...seen];
};

const packagesIn = ({ outputs }: Metafile, paths: readonly string[]): string[] => {
  const inputs = paths.flatMap((path) => Object.entries(outputs[path]?.inputs ?? {}));
  const used = inputs.filter(([, { bytesInOutput }]) => bytesInOutput > 0);
  const folders = used.map(([path]) => folderOf(path)).filter((found) => found !== undefined);
  return [...new Set(folders.map(nameOf))].sort();
};

test('the same sources produce the same bytes in any folder', async () => {
  const again = join(folder, 'elsewhere', 'again');
  await buildDist(root, again);
  expect(await filesOf(again)).toEqual(await filesOf(dist));
  expect(await digestOf(again)).toBe(await digestOf(dist));
}, 120_000);

test('a failed build leaves the previous output unchanged', async () => {
  const existing = join(folder, 'existing');
  await cp(dist, existing, { recursive: true });
  const before = await digestOf(existing);
  await expect(buildDist(join(folder, 'no-project'), existing)).rejects.toThrow('package.json');
  expect(await digestOf(existing)).toBe(before);
});

test('the deployed files take at most 4.5 MB', async () => {
  const sizes = await Promise.all(
    (await filesOf(dist)).map(async (path) => ({ path, size: (await stat(join(dist, path))).size })),
  );
  const sum = (of: (path: string) => boolean): number =>
    sizes.filter(({ path }) => of(path)).reduce((total, { size }) => total + size, 0);
  const isFrameworks = (path: string): boolean =>
    path === 'lib/framework.js' || path.startsWith('functions-framework/');
  const isClients = (path: string): boolean => path.startsWith('client/');
  const isClientsCode = (path: string): boolean => /^client\/.*js$/.test(path);
  expect(sum((path) => !isClients(path))).toBeLessThan(4_500_000);
  expect(sum(isFrameworks)).toBeLessThan(600_000);
  expect(sum(isClientsCode)).toBeLessThan(1_200_000);
});

test.each(['service', 'function'])('what a %s needs only on first use is not loaded at startup', (form) => {
  const loaded = packagesIn(made.server, loadedAtOnce(made.server, new RegExp(`/lib/${form}\\.js$`)));
  expect(loaded).toContain('hono');
  const late =
    /^(@google-cloud\/.*|google-gax|googleapis.*|google-auth-library|gaxios|protobufjs|@opentelemetry\/sdk.*)$/;
  expect(loaded.filter((name) => late.test(name))).toEqual([]);
});

test('the command loads the identity code only on first use', () => {
  const loaded = packagesIn(made.client, loadedAtOnce(made.client, /\/client\/lib\/main\.js$/));
  expect(loaded).toContain('commander');
  expect(loaded.filter((name) => /google|gaxios|aws-sdk|yaml|proxy/.test(name))).toEqual([]);
});

test('the bundles contain no gRPC, and only Drive of googleapis', () => {
  expect(packagesIn(made.framework, Object.keys(made.framework.outputs))).toContain('express');
  for (const metafile of [made.server, made.client]) {
    const names = packagesIn(metafile, Object.keys(metafile.outputs));
    expect(names.filter((name) => name.startsWith('@grpc/'))).toEqual([]);
    expect(names.filter((name) => ['typescript', 'esbuild', 'jest', 'fast-check', 'express'].includes(name))).toEqual(
      [],
    );
  }
  const apis = Object.values(made.server.outputs)
    .flatMap(({ inputs }) => Object.keys(inputs))
    .filter((path) => /node_modules\/googleapis\//.test(path));
  expect(apis).toEqual(['node_modules/googleapis/build/src/apis/drive/v3.js']);
});

test('no file reveals the machine that built it, or contains a key', async () => {
  const places = [root, homedir(), folder, process.execPath].filter((place) => place.length > 1);
  for (const path of await filesOf(dist)) {
    const text = await readFile(join(dist, path), 'utf8');
    expect({ path, places: places.filter((place) => text.includes(`${place}/`)) }).toEqual({ path, places: [] });
    expect(text).not.toMatch(/sourceMappingURL=|-----BEGIN [A-Z ]*PRIVATE KEY-----\s*M/);
  }
});

describe('the SBOM', () => {
  test.each([
    ['service', 'server'],
    ['framework', 'framework'],
    ['client', 'client'],
  ] as const)('lists exactly what is in the %s', async (place, part) => {
    const { components } = await readBom();
    const described = components.filter(({ properties }) => properties.some(({ value }) => value === place));
    const bundled = packagesIn(made[part], Object.keys(made[part].outputs));
    // Some are there in two versions.
    expect(new Set(described.map(fullName))).toEqual(new Set(bundled));
    expect(bundled.length).toBeGreaterThan(5);
  });

  test('has a version, a licence, a checksum and a package URL for each', async () => {
    const { bomFormat, specVersion, serialNumber, components } = await readBom();
    expect({ bomFormat, specVersion }).toEqual({ bomFormat: 'CycloneDX', specVersion: '1.6' });
    expect(serialNumber).toMatch(/^urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    for (const component of components) {
      const { purl, version, licenses, hashes } = component;
      expect(purl).toBe(`pkg:npm/${fullName(component).replace('@', '%40')}@${version}`);
      expect(licenses).toHaveLength(1);
      expect(hashes).toEqual([{ alg: 'SHA-512', content: expect.stringMatching(/^[0-9a-f]{128}$/) }]);
      const manifest = JSON.parse(
        await readFile(join(root, 'node_modules', fullName(component), 'package.json'), 'utf8'),
      );
      // The top of node_modules may have another version of it.
      if (manifest.version === version && typeof manifest.license === 'string') {
        const [{ license, expression } = {}] = licenses;
        expect(license?.id ?? license?.name ?? expression).toBe(manifest.license);
      }
    }
  });

  test('contains no dangling references', async () => {
    const { components, dependencies } = await readBom();
    const refs = new Set(components.map((component) => component['bom-ref']));
    expect(refs.size).toBe(components.length);
    expect(dependencies).toHaveLength(components.length + 1);
    expect(dependencies.flatMap(({ dependsOn }) => dependsOn).filter((ref) => !refs.has(ref))).toEqual([]);
    const needed = new Set(dependencies.flatMap(({ dependsOn }) => dependsOn));
    expect(needed.size).toBeGreaterThan(components.length / 2);
  });

  test('comes with the notices of everything that is bundled', async () => {
    const notices = await readFile(join(dist, 'THIRD_PARTY_LICENSES.txt'), 'utf8');
    const { components } = await readBom();
    for (const component of components) {
      expect(notices).toContain(`${fullName(component)} ${component.version} (`);
    }
    expect(notices).toContain('Copyright');
  });
});

test('dist is a package of its own that needs no registry: its one dependency is included', async () => {
  const name = '@google-cloud/functions-framework';
  const manifest = await readJson('package.json');
  expect(manifest).toMatchObject({ type: 'commonjs', main: 'index.cjs', private: true, engines: { node: '24.x' } });
  expect(manifest.dependencies).toEqual({ [name]: 'file:functions-framework' });
  const { packages } = await readJson('package-lock.json');
  expect(packages[''].dependencies).toEqual(manifest.dependencies);
  expect(packages[`node_modules/${name}`]).toEqual({ resolved: 'functions-framework', link: true });
  const original = JSON.parse(await readFile(join(root, 'node_modules', name, 'package.json'), 'utf8'));
  expect(packages['functions-framework']).toMatchObject({ name, version: original.version });
  // The paths that others refer to: the commands and the imports.
  const { bin, main } = await readJson('functions-framework/package.json');
  expect(original.bin).toMatchObject({ 'functions-framework': `./${bin['functions-framework']}` });
  expect(main).toBe(original.main);
});

/** Prints the library's main export in an application in that folder. */
const importClient = async (cwd: string): Promise<string> => {
  const library = "const { CourierClient } = await import('drive-courier/client'); console.log(typeof CourierClient)";
  const { stdout } = await execute(process.execPath, ['--input-type=module', '-e', library], { cwd, env: {} });
  return stdout.trim();
};

test('the library is found by the package’s name below node_modules, where Node strips no types', async () => {
  const installed = join(folder, 'whole/node_modules/drive-courier');
  await cp(join(root, 'package.json'), join(installed, 'package.json'));
  await cp(join(root, 'src'), join(installed, 'src'), { recursive: true });
  await cp(dist, join(installed, 'dist'), { recursive: true });
  expect(await importClient(join(folder, 'whole'))).toBe('function');
});

test('the client installs from its folder alone, as a command and as a library', async () => {
  const alone = join(folder, 'client-alone');
  await cp(join(dist, 'client'), alone, { recursive: true });
  const app = join(folder, 'app');
  await mkdir(app);
  await writeFile(join(app, 'package.json'), '{"type":"module"}');
  // With --install-links it is a copy below node_modules, as in a deployment, and not a link to this folder.
  await execute('npm', ['install', '--offline', '--install-links', '--no-audit', '--no-fund', alone], { cwd: app });
  const { PATH = '' } = process.env;
  const { stdout } = await execute(join(app, 'node_modules/.bin/courier'), ['--help'], { env: { PATH } });
  expect(stdout).toContain('send');
  expect(await importClient(app)).toBe('function');
}, 60_000);
