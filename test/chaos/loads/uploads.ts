import { createCipheriv, createHash } from 'node:crypto';
import { seededRandom } from '../../../local/google/random.ts';

/** One delivery. Its bytes are determined by the seed. */
export interface Upload {
  key: string;
  name: string;
  path: string;
  size: number;
  /** Sent without a length. */
  isStreamed: boolean;
  /**
   * The version number, from 1, of a file that is replaced repeatedly; each version has its own key. A version is sent
   * once the one before has its receipt, its copies at any time. 0: a separate file.
   */
  version: number;
  bytes(): Buffer;
}

/** Bytes that are the same for each use of a seed. */
const noise = (seed: string, size: number): Buffer => {
  const key = createHash('sha256').update(seed).digest();
  return createCipheriv('aes-128-ctr', key.subarray(0, 16), key.subarray(16)).update(Buffer.alloc(size));
};

const KIB = 1024;

/** Mostly small reports, some of a megabyte, a few that need a session, and the boundary sizes. */
const sizeFrom = (random: () => number): number => {
  const kind = random();
  if (kind < 0.05) return [0, 1, 256 * KIB - 1, 256 * KIB, 256 * KIB + 1][Math.floor(random() * 5)] ?? 0;
  if (kind < 0.9) return Math.floor(random() * 64 * KIB);
  if (kind < 0.98) return Math.floor(random() * KIB * KIB);
  return Math.floor((5 + 3 * random()) * KIB * KIB);
};

/** Of ten consecutive keys, the last three are versions of one file. */
const VERSIONS = 3;
const versionOf = (index: number): number => Math.max(0, (index % 10) - (9 - VERSIONS));

const fileOf = (seed: number, index: number, random: () => number): Upload => {
  const key = `chaos-${seed}-${index}`;
  const version = versionOf(index);
  const size = sizeFrom(random);
  return {
    key,
    name: version === 0 ? `${key}.bin` : `chaos-${seed}-${index - version + 1}.bin`,
    path: `chaos/${String((version === 0 ? index : index - version + 1) % 12).padStart(2, '0')}`,
    size,
    isStreamed: random() < 0.3,
    version,
    bytes: () => noise(key, size),
  };
};

const shuffle = (items: Upload[], random: () => number): void => {
  for (let last = items.length - 1; last > 0; last--) {
    const other = Math.floor(random() * (last + 1));
    [items[last], items[other]] = [items[other] as Upload, items[last] as Upload];
  }
};

/**
 * No version comes before the first copy of the version before it. Otherwise an upload would wait for one behind it.
 */
const inOrderOfVersions = (uploads: readonly Upload[]): Upload[] => {
  const begun = new Map<string, number>();
  const waiting = [...uploads];
  return uploads.map(() => {
    const at = waiting.findIndex(({ name, version }) => version <= (begun.get(name) ?? 0) + 1);
    const [next] = waiting.splice(at, 1) as [Upload];
    begun.set(next.name, Math.max(next.version, begun.get(next.name) ?? 0));
    return next;
  });
};

/**
 * @param keys the number of distinct deliveries; each upload is a copy of one of them, and there is at least one of
 * each
 */
export const planUploads = ({ uploads, keys, seed }: { uploads: number; keys: number; seed: number }): Upload[] => {
  const random = seededRandom(seed);
  const files = Array.from({ length: keys }, (_, index) => fileOf(seed, index, random));
  const order = Array.from({ length: uploads }, (_, turn) => files[turn % keys] as Upload);
  shuffle(order, random);
  return inOrderOfVersions(order);
};

/** Makes each upload wait until the version before it has its receipt. */
export const createVersionGates = () => {
  const gates = new Map<string, { opened: Promise<void>; open(): void }>();
  const gateOf = (name: string, version: number) => {
    const key = `${name} ${version}`;
    const known = gates.get(key);
    if (known !== undefined) return known;
    let open = (): void => undefined;
    const opened = new Promise<void>((resolve) => {
      open = resolve;
    });
    const gate = { opened, open };
    gates.set(key, gate);
    return gate;
  };
  return {
    async before({ name, version }: Upload): Promise<void> {
      if (version > 1) await gateOf(name, version - 1).opened;
    },
    after({ name, version }: Upload): void {
      if (version > 0) gateOf(name, version).open();
    },
  };
};
