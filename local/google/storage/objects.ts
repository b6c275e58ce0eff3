import { createReadStream, type ReadStream } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { AwsCrc32c } from '@aws-crypto/crc32c';

/** One generation of an object. Sizes are bytes. */
export interface StoredObject {
  bucket: string;
  name: string;
  /** The generation in decimal microseconds, as in Cloud Storage. Each is larger than the one before. */
  generation: string;
  size: number;
  contentType: string | undefined;
  contentEncoding: string | undefined;
  /** Base64, big-endian. */
  crc32c: string;
  timeCreated: string;
  /**
   * Encrypted with a customer-supplied key, which this store does not have. Only its metadata can be read, without
   * checksums.
   */
  customerKey?: boolean;
  /**
   * False after the object was deleted or overwritten. Without object versioning, that generation can no longer be
   * read.
   */
  live: boolean;
}

export interface Bucket {
  name: string;
  /** Emails that may read objects (and list them). */
  readers: string[];
  writers: string[];
  /** Requires readers to name the project that pays. */
  requesterPays?: boolean;
  /** Its readers have roles/storage.legacyObjectReader, which lacks `storage.objects.list`. */
  unlistable?: boolean;
}

interface State {
  buckets: Bucket[];
  objects: StoredObject[];
  lastGeneration: number;
}

export interface ObjectStore {
  bucket(name: string): Bucket | undefined;
  putBucket(bucket: Bucket): Promise<void>;
  live(bucket: string, name: string): StoredObject | undefined;
  /** The live objects whose names start with the prefix, ordered by the bytes of their names. */
  list(bucket: string, prefix: string, after?: string): StoredObject[];
  put(
    object: Pick<StoredObject, 'bucket' | 'name'> & {
      contentType?: string | undefined;
      contentEncoding?: string | undefined;
      customerKey?: boolean;
    },
    bytes: Buffer,
  ): Promise<StoredObject>;
  remove(object: StoredObject): Promise<void>;
  read(object: StoredObject, first: number, last: number): ReadStream;
}

const crc32cOf = async (bytes: Buffer): Promise<string> => {
  const sum = new AwsCrc32c();
  sum.update(bytes);
  return Buffer.from(await sum.digest()).toString('base64');
};

/** Stores objects as plain files named by their generation, with one JSON file as the index. */
export const openObjectStore = async (folder: string, now: () => number): Promise<ObjectStore> => {
  await mkdir(folder, { recursive: true });
  const index = join(folder, 'objects.json');
  const state: State = await readFile(index, 'utf8').then(
    (text) => JSON.parse(text) as State,
    () => ({ buckets: [], objects: [], lastGeneration: 0 }),
  );
  let saving = Promise.resolve();
  const save = (): Promise<void> => {
    saving = saving.then(() => writeFile(index, JSON.stringify(state, undefined, 1)));
    return saving;
  };
  const fileOf = ({ generation }: StoredObject): string => join(folder, `${generation}.bytes`);
  const live = (bucket: string, name: string): StoredObject | undefined =>
    state.objects.find((object) => object.live && object.bucket === bucket && object.name === name);

  const sorted = new Map<string, { key: Buffer; object: StoredObject }[]>();
  const sortedObjects = (bucket: string): { key: Buffer; object: StoredObject }[] => {
    const known = sorted.get(bucket);
    if (known !== undefined) return known;
    const found = state.objects
      .filter((object) => object.live && object.bucket === bucket)
      .map((object) => ({ key: Buffer.from(object.name), object }))
      .sort((one, other) => one.key.compare(other.key));
    sorted.set(bucket, found);
    return found;
  };

  return {
    bucket: (name) => state.buckets.find((bucket) => bucket.name === name),
    putBucket(bucket) {
      state.buckets = [...state.buckets.filter(({ name }) => name !== bucket.name), bucket];
      return save();
    },
    live,
    list(bucket, prefix, after) {
      const from = after === undefined ? undefined : Buffer.from(after);
      return sortedObjects(bucket)
        .filter(({ key, object }) => object.name.startsWith(prefix) && (from === undefined || key.compare(from) > 0))
        .map(({ object }) => object);
    },
    async put({ bucket, name, contentType, contentEncoding, customerKey = false }, bytes) {
      const former = live(bucket, name);
      state.lastGeneration = Math.max(state.lastGeneration + 1, now() * 1000);
      const object: StoredObject = {
        bucket,
        name,
        generation: String(state.lastGeneration),
        size: bytes.byteLength,
        contentType,
        contentEncoding,
        crc32c: await crc32cOf(bytes),
        timeCreated: new Date(now()).toISOString(),
        live: true,
        ...(customerKey ? { customerKey } : {}),
      };
      await writeFile(fileOf(object), bytes);
      if (former !== undefined) former.live = false;
      state.objects.push(object);
      sorted.delete(bucket);
      await save();
      return object;
    },
    remove(object) {
      object.live = false;
      sorted.delete(object.bucket);
      return save();
    },
    read: (object, first, last) => createReadStream(fileOf(object), { start: first, end: last }),
  };
};
