import { createHash } from 'node:crypto';
import { LICENCES } from '../../supply-chain/lockfile-checks.ts';
import { dependenciesOf, type Lock, type Locked, nameOf } from './lockfile.ts';

export interface SbomInput {
  name: string;
  version: string;
  license: string;
  lock: Lock;
  /** The parts of dist that contain the package: `service`, `framework`, `client`. */
  places: ReadonlyMap<string, readonly string[]>;
}

/** https://github.com/package-url/purl-spec/blob/main/types-doc/npm-definition.md */
const purlOf = (name: string, version: string): string => `pkg:npm/${name.replace(/^@/, '%40')}@${version}`;

const licensesOf = ({ license }: Locked): object[] => {
  if (license === undefined) return [];
  if (/[\s(]/.test(license)) return [{ expression: license }];
  // An id must be an SPDX identifier. Any other licence is given by name.
  return [{ license: LICENCES.has(license) ? { id: license } : { name: license } }];
};

/** Converts npm's `sha512-BASE64` to the hexadecimal form of CycloneDX. */
const hashesOf = ({ integrity }: Locked): object[] =>
  (integrity ?? '').split(/\s+/).flatMap((text) => {
    const [, bits, base64 = ''] = /^sha(1|256|384|512)-(.+)$/.exec(text) ?? [];
    return bits === undefined ? [] : [{ alg: `SHA-${bits}`, content: Buffer.from(base64, 'base64').toString('hex') }];
  });

const componentOf = (folder: string, locked: Locked, places: readonly string[]): Record<string, unknown> => {
  const [group, name] = nameOf(folder).startsWith('@') ? nameOf(folder).split('/') : [undefined, nameOf(folder)];
  const purl = purlOf(nameOf(folder), locked.version ?? '');
  return {
    type: 'library',
    'bom-ref': purl,
    ...(group === undefined ? {} : { group }),
    name,
    version: locked.version,
    licenses: licensesOf(locked),
    hashes: hashesOf(locked),
    purl,
    ...(locked.resolved === undefined ? {} : { externalReferences: [{ type: 'distribution', url: locked.resolved }] }),
    properties: places.map((value) => ({ name: 'drive-courier:place', value })),
  };
};

/** A UUID derived from the content (RFC 9562, version 8), so that equal builds have the same UUID. */
const uuidOf = (content: string): string => {
  const hex = createHash('sha256').update(content).digest('hex');
  const variant = '89ab'.charAt(Number.parseInt(hex.charAt(16), 16) % 4);
  return [
    hex.slice(0, 8),
    hex.slice(8, 12),
    `8${hex.slice(13, 16)}`,
    variant + hex.slice(17, 20),
    hex.slice(20, 32),
  ].join('-');
};

/**
 * Lists the packages of dist as CycloneDX 1.6 JSON (https://cyclonedx.org/docs/1.6/json/). Without times, equal builds give
 * equal text.
 */
export const sbomOf = ({ name, version, license, lock, places }: SbomInput): string => {
  const own = purlOf(name, version);
  const byRef = new Map<string, { folders: string[]; component: Record<string, unknown> }>();
  for (const [folder, where] of places) {
    const locked = lock.get(folder);
    if (locked?.version === undefined) throw new Error(`${folder} is bundled, but package-lock.json does not know it`);
    const ref = purlOf(nameOf(folder), locked.version);
    // The same version installed in several folders is one component.
    const known = byRef.get(ref);
    if (known === undefined) byRef.set(ref, { folders: [folder], component: componentOf(folder, locked, where) });
    else known.folders.push(folder);
  }
  const refs = [...byRef.keys()].sort();
  const refOf = (folder: string): string => purlOf(nameOf(folder), lock.get(folder)?.version ?? '');
  const within = (folders: readonly string[]): string[] =>
    [...new Set(folders.map(refOf))].filter((ref) => byRef.has(ref)).sort();

  const content = {
    metadata: {
      component: {
        type: 'application',
        'bom-ref': own,
        name,
        version,
        purl: own,
        licenses: [{ license: { id: license } }],
      },
      lifecycles: [{ phase: 'build' }],
    },
    components: refs.map((ref) => byRef.get(ref)?.component),
    dependencies: [
      { ref: own, dependsOn: within(dependenciesOf(lock, '')) },
      ...refs.map((ref) => ({
        ref,
        dependsOn: within((byRef.get(ref)?.folders ?? []).flatMap((folder) => dependenciesOf(lock, folder))),
      })),
    ],
  };
  const serialNumber = `urn:uuid:${uuidOf(JSON.stringify(content))}`;
  return `${JSON.stringify({ bomFormat: 'CycloneDX', specVersion: '1.6', serialNumber, version: 1, ...content }, undefined, 2)}\n`;
};
