import { z } from 'zod';
import { type Lock, nameOf } from '../build/packages/lockfile.ts';

/** The registry that all packages come from. */
const REGISTRY = 'https://registry.npmjs.org/';

/** Packages that may run a script when they are installed, and why. */
const MAY_RUN_SCRIPTS: Readonly<Record<string, string>> = {
  '@scarf/scarf':
    'development (comes with Spectral, which checks the API description): reports that it was installed, which scarfSettings in package.json switch off; nothing of it is shipped',
  '@parcel/watcher':
    'development (jest watches files with it): compiles itself if no binary fits; nothing of it is shipped',
  esbuild: 'development (makes the bundle): puts its own binary in place',
  node: 'development (runs every script): puts the Node binary in place',
  protobufjs:
    'comes with @google-cloud/firestore: compares version numbers and may print a hint; dist has it in its bundle and installs nothing',
};

/** SPDX ids of the licences that production dependencies may have. All are permissive. */
export const LICENCES: ReadonlySet<string> = new Set([
  '0BSD',
  'Apache-2.0',
  'BlueOak-1.0.0',
  'BSD-2-Clause',
  'BSD-3-Clause',
  'CC0-1.0',
  'ISC',
  'MIT',
]);

/** Packages whose licence has no id on the list, and what a review of the licence found. */
const READ_LICENCES: Readonly<Record<string, { says: string; because: string }>> = {
  'spdx-exceptions': { says: 'CC-BY-3.0', because: 'a list of names, as data; attribution is in THIRD_PARTY_LICENSES' },
  'url-template': { says: 'BSD', because: 'its LICENSE file is the text of BSD-3-Clause' },
};

const marks = z.looseObject({
  dev: z.boolean().default(false),
  link: z.boolean().default(false),
  hasInstallScript: z.boolean().default(false),
});

const packagesOf = (lock: Lock) =>
  [...lock]
    .filter(([folder]) => folder !== '')
    .map(([folder, locked]) => ({ folder, name: nameOf(folder), locked, ...marks.parse(locked) }));

/** Checks that every package has a SHA-512 and comes from the npm registry. */
export const integrityFaults = (lock: Lock): string[] =>
  packagesOf(lock).flatMap(({ folder, link, locked: { integrity, resolved } }) => [
    ...(link ? [`${folder} is a link to a folder`] : []),
    ...(/^sha512-[\w+/]{86}==$/.test(integrity ?? '') ? [] : [`${folder} has no SHA-512 in package-lock.json`]),
    // Without a URL, npm uses its configured registry. .npmrc sets no other one.
    ...(resolved === undefined || resolved.startsWith(REGISTRY) ? [] : [`${folder} comes from ${resolved}`]),
  ]);

/** Checks that this project's npm settings name no other registry and contain no credentials. */
export const npmrcFaults = (npmrc: string): string[] =>
  npmrc
    .split('\n')
    .filter((line) => /^\s*[^#;]*(registry|_auth|_password|cafile|strict-ssl|proxy)/i.test(line))
    .map((line) => `.npmrc says ${line.trim().replace(/=.*/s, '= …')}`);

/** Checks that package.json pins exact versions, all from the registry. */
export const pinningFaults = (
  manifest: Readonly<Record<string, Readonly<Record<string, string>> | undefined>>,
): string[] =>
  Object.values(manifest).flatMap((wanted) =>
    Object.entries(wanted ?? {})
      .filter(([, version]) => !/^\d+\.\d+\.\d+(-[\w.]+)?$/.test(version))
      .map(([name, version]) => `package.json asks for ${name} as "${version}", which is no exact version`),
  );

/** Checks that only listed packages have install scripts, and that the list has no unneeded entry. */
export const installScriptFaults = (lock: Lock, allowed = MAY_RUN_SCRIPTS): string[] => {
  const found = new Set(packagesOf(lock).flatMap(({ name, hasInstallScript }) => (hasInstallScript ? [name] : [])));
  return [
    ...[...found]
      .filter((name) => !Object.hasOwn(allowed, name))
      .map((name) => `${name} runs a script when it is installed`),
    ...Object.keys(allowed)
      .filter((name) => !found.has(name))
      .map((name) => `${name} is on the list of install scripts, and has none`),
  ];
};

/** Evaluates the SPDX expressions that occur in npm packages: one id, "A OR B", "A AND B", with parentheses. */
const isAllowed = (expression: string): boolean =>
  expression
    .replace(/[()]/g, '')
    .split(/ OR /)
    .some((choice) => choice.split(/ AND /).every((id) => LICENCES.has(id.trim())));

/** Checks that everything that is shipped, or installed with it, has a licence on the list. */
export const licenceFaults = (lock: Lock): string[] =>
  packagesOf(lock)
    .filter(({ dev }) => !dev)
    .flatMap(({ folder, name, locked: { license } }) => {
      const says = license ?? 'nothing';
      if (isAllowed(says) || READ_LICENCES[name]?.says === says) return [];
      return [`${folder} is under ${says}, which is not on the list of licences`];
    });
