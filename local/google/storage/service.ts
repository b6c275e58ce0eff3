import { pipeline } from 'node:stream/promises';
import type { GoogleCall, GoogleErrorBody, GoogleService, Grant, Surroundings } from '../seam.ts';
import { type Bucket, type ObjectStore, openObjectStore, type StoredObject } from './objects.ts';
import { heldPermissions } from './permissions.ts';

/** The JSON API of Cloud Storage, as far as readers of exports need it (https://cloud.google.com/storage/docs/json_api/v1/objects). */
export interface StorageService extends GoogleService {
  createBucket(name: string, rights?: Partial<Omit<Bucket, 'name'>>): Promise<void>;
  putObject(
    bucket: string,
    name: string,
    bytes: Buffer | string,
    options?: { contentType?: string; contentEncoding?: string; customerKey?: boolean },
  ): Promise<{ generation: string; crc32c: string }>;
  deleteObject(bucket: string, name: string): Promise<void>;
}

const READ_SCOPES = ['devstorage.read_only', 'devstorage.read_write', 'devstorage.full_control', 'cloud-platform'];
const WRITE_SCOPES = READ_SCOPES.slice(1);

const answerJson = ({ response }: GoogleCall, status: number, body: unknown): true => {
  response.writeHead(status, { 'content-type': 'application/json; charset=UTF-8' });
  response.end(JSON.stringify(body));
  return true;
};

const refuse = (call: GoogleCall, status: number, reason: string, message: string): true => {
  if (call.url.searchParams.get('alt') === 'media') {
    // Where bytes were asked for, a refusal is a plain text.
    call.response.writeHead(status, { 'content-type': 'text/html; charset=UTF-8' }).end(message);
    return true;
  }
  const body: GoogleErrorBody = { error: { code: status, message, errors: [{ message, domain: 'global', reason }] } };
  return answerJson(call, status, body);
};

const bearerOf = ({ request }: GoogleCall): string =>
  /^Bearer (.+)$/i.exec(request.headers.authorization ?? '')?.[1] ?? '';

/** Of no key in particular. */
const KEY_SHA256 = 'q83vEjRWeJCrze8SNFZ4kKvN7xI0VniQq83vEjRWeJA=';

const resourceOf = (object: StoredObject, origin: string): Record<string, unknown> => ({
  kind: 'storage#object',
  id: `${object.bucket}/${object.name}/${object.generation}`,
  selfLink: `${origin}/storage/v1/b/${object.bucket}/o/${encodeURIComponent(object.name)}`,
  name: object.name,
  bucket: object.bucket,
  generation: object.generation,
  metageneration: '1',
  ...(object.contentType === undefined ? {} : { contentType: object.contentType }),
  ...(object.contentEncoding === undefined ? {} : { contentEncoding: object.contentEncoding }),
  storageClass: 'STANDARD',
  size: String(object.size),
  // "The object's … CRC32C … and MD5 hash are not returned" without the key (storage/docs/encryption/customer-supplied-keys).
  ...(object.customerKey === true
    ? { customerEncryption: { encryptionAlgorithm: 'AES256', keySha256: KEY_SHA256 } }
    : { crc32c: object.crc32c }),
  timeCreated: object.timeCreated,
  updated: object.timeCreated,
});

const masked = (resource: Record<string, unknown>, fields: string | null): Record<string, unknown> | undefined => {
  if (fields === null || fields === '*') return resource;
  const wanted = fields.split(',');
  if (wanted.some((field) => !/^[A-Za-z0-9]+$/.test(field))) return undefined;
  return Object.fromEntries(Object.entries(resource).filter(([member]) => wanted.includes(member)));
};

/** `bytes=FIRST-` and `bytes=FIRST-LAST`; undefined when it cannot be satisfied. */
const rangeOf = (
  header: string | undefined,
  size: number,
): { first: number; last: number; partial: boolean } | undefined => {
  const whole = { first: 0, last: size - 1, partial: false };
  const [, first, last] = /^bytes=(\d+)-(\d*)$/.exec(header ?? '') ?? [];
  if (first === undefined) return whole;
  if (Number(first) >= size) return undefined;
  return { first: Number(first), last: Math.min(last ? Number(last) : size - 1, size - 1), partial: true };
};

const OBJECT_PARAMETERS = new Set([
  'alt',
  'generation',
  'fields',
  'ifGenerationMatch',
  'prettyPrint',
  'userProject',
  'projection',
  'quotaUser',
  'uploadType',
  'name',
  'prefix',
  'key',
  'contentEncoding',
]);

export const createStorageService = async ({
  now,
  dataDir,
  tokens,
  isApiEnabled,
  isAllowedOnProject,
  corrupt,
}: Surroundings): Promise<StorageService> => {
  const store: ObjectStore = await openObjectStore(dataDir, now);

  /** The caller, if its token is good for the API; otherwise the refusal is written. */
  const authenticate = (call: GoogleCall, kinds: readonly string[]): Grant | undefined => {
    const grant = tokens.find(bearerOf(call));
    if (grant === undefined) {
      refuse(call, 401, 'authError', 'Invalid Credentials');
      return undefined;
    }
    if (!grant.scopes.some((scope) => kinds.some((name) => scope.endsWith(`/auth/${name}`)))) {
      refuse(call, 403, 'insufficientPermissions', 'Provided scope(s) are not authorized');
      return undefined;
    }
    if (!isApiEnabled(grant.project, 'storage.googleapis.com')) {
      refuse(
        call,
        403,
        'accessNotConfigured',
        `Cloud Storage API has not been used in project ${grant.project} before or it is disabled.`,
      );
      return undefined;
    }
    return grant;
  };

  /** "Requests … must include a billing project", on which the caller may use services (storage/docs/requester-pays); else the refusal is written. */
  const isBilled = (call: GoogleCall, bucket: Bucket, grant: Grant): boolean => {
    const project = call.url.searchParams.get('userProject');
    if (project === null) {
      if (bucket.requesterPays !== true) return true;
      refuse(call, 400, 'required', 'Bucket is a requester pays bucket but no user project provided.');
      return false;
    }
    if (isAllowedOnProject(grant, project, 'serviceusage.services.use')) return true;
    const message = `${grant.email} does not have serviceusage.services.use access to the Google Cloud project.`;
    refuse(
      call,
      403,
      'forbidden',
      `${message} Permission 'serviceusage.services.use' denied on resource (or it may not exist).`,
    );
    return false;
  };

  /** The caller, if the token and its scopes allow the kind of access; otherwise the refusal is written. */
  const authorize = (call: GoogleCall, bucketName: string, access: 'readers' | 'writers'): Grant | undefined => {
    const grant = authenticate(call, access === 'readers' ? READ_SCOPES : WRITE_SCOPES);
    if (grant === undefined) return undefined;
    const bucket = store.bucket(bucketName);
    if (bucket === undefined) {
      refuse(call, 404, 'notFound', 'The specified bucket does not exist.');
      return undefined;
    }
    if (!bucket[access].includes(grant.email)) {
      const permission = access === 'readers' ? 'storage.objects.get' : 'storage.objects.create';
      refuse(
        call,
        403,
        'forbidden',
        `${grant.email} does not have ${permission} access to the Google Cloud Storage object. Permission '${permission}' denied on resource (or it may not exist).`,
      );
      return undefined;
    }
    return isBilled(call, bucket, grant) ? grant : undefined;
  };

  const find = (call: GoogleCall, bucket: string, name: string): StoredObject | undefined => {
    const object = store.live(bucket, name);
    const generation = call.url.searchParams.get('generation');
    if (object === undefined || (generation !== null && generation !== object.generation)) {
      refuse(call, 404, 'notFound', `No such object: ${bucket}/${name}`);
      return undefined;
    }
    const match = call.url.searchParams.get('ifGenerationMatch');
    if (match !== null && match !== object.generation) {
      refuse(call, 412, 'conditionNotMet', 'At least one of the pre-conditions you specified did not hold.');
      return undefined;
    }
    return object;
  };

  const download = async (call: GoogleCall, object: StoredObject): Promise<true> => {
    if (object.customerKey === true) {
      const message = 'The target object is encrypted by a customer-supplied encryption key.';
      return refuse(call, 400, 'resourceIsEncryptedWithCustomerEncryptionKey', message);
    }
    const range = rangeOf(call.request.headers.range, object.size);
    if (range === undefined) {
      call.response.writeHead(416, { 'content-range': `bytes */${object.size}` }).end();
      return true;
    }
    const { first, last, partial } = range;
    call.response.writeHead(partial ? 206 : 200, {
      'content-type': object.contentType ?? 'application/octet-stream',
      ...(object.contentEncoding === undefined ? {} : { 'content-encoding': object.contentEncoding }),
      'content-length': Math.max(0, last - first + 1),
      ...(partial ? { 'content-range': `bytes ${first}-${last}/${object.size}` } : {}),
      'x-goog-generation': object.generation,
      'x-goog-hash': `crc32c=${object.crc32c}`,
      'x-goog-stored-content-length': String(object.size),
    });
    if (object.size === 0) call.response.end();
    else await pipeline(store.read(object, first, last), call.response).catch(() => undefined);
    return true;
  };

  const get = async (call: GoogleCall, bucket: string, name: string): Promise<true> => {
    if (authorize(call, bucket, 'readers') === undefined) return true;
    const object = find(call, bucket, name);
    if (object === undefined) return true;
    if (call.url.searchParams.get('alt') === 'media') return download(call, object);
    const fields = call.url.searchParams.get('fields');
    const resource = masked(resourceOf(object, `https://${call.host}`), fields);
    if (resource === undefined) return refuse(call, 400, 'invalidParameter', `Invalid field selection ${fields}`);
    return answerJson(call, 200, resource);
  };

  const list = (call: GoogleCall, bucket: string): true => {
    if (authorize(call, bucket, 'readers') === undefined) return true;
    const objects = store.list(bucket, call.url.searchParams.get('prefix') ?? '');
    const items = objects.map((object) => resourceOf(object, `https://${call.host}`));
    return answerJson(call, 200, { kind: 'storage#objects', ...(items.length > 0 ? { items } : {}) });
  };

  const testPermissions = (call: GoogleCall, bucketName: string): true => {
    const grant = authenticate(call, READ_SCOPES);
    if (grant === undefined) return true;
    const bucket = store.bucket(bucketName);
    if (bucket === undefined) return refuse(call, 404, 'notFound', 'The specified bucket does not exist.');
    if (!isBilled(call, bucket, grant)) return true;
    const permissions = heldPermissions(bucket, grant.email, call.url.searchParams.getAll('permissions'));
    if (permissions === undefined) return refuse(call, 501, 'notImplemented', 'These permissions are not known here.');
    const kind = 'storage#testIamPermissionsResponse';
    return answerJson(call, 200, permissions.length === 0 ? { kind } : { kind, permissions });
  };

  const insert = async (call: GoogleCall, bucket: string): Promise<true> => {
    if (authorize(call, bucket, 'writers') === undefined) return true;
    const { searchParams } = call.url;
    const name = searchParams.get('name');
    if (searchParams.get('uploadType') !== 'media') {
      return refuse(call, 501, 'notImplemented', 'storage.objects.insert is only known with uploadType=media here.');
    }
    if (!name) return refuse(call, 400, 'required', 'Required parameter: name');
    const chunks: Buffer[] = [];
    for await (const chunk of call.request) chunks.push(chunk as Buffer);
    const contentType = call.request.headers['content-type'];
    const contentEncoding = searchParams.get('contentEncoding') ?? undefined;
    const object = await store.put(
      { bucket, name, contentType, contentEncoding },
      corrupt(call, Buffer.concat(chunks)),
    );
    return answerJson(call, 200, resourceOf(object, `https://${call.host}`));
  };

  const remove = async (call: GoogleCall, bucket: string, name: string): Promise<true> => {
    if (authorize(call, bucket, 'writers') === undefined) return true;
    const object = find(call, bucket, name);
    if (object === undefined) return true;
    await store.remove(object);
    call.response.writeHead(204).end();
    return true;
  };

  return {
    name: 'storage',
    hosts: ['storage.googleapis.com'],
    async createBucket(name, { readers = [], writers = [], requesterPays = false } = {}) {
      await store.putBucket({ name, readers, writers, requesterPays });
    },
    putObject: (bucket, name, bytes, options = {}) => store.put({ bucket, name, ...options }, Buffer.from(bytes)),
    async deleteObject(bucket, name) {
      const object = store.live(bucket, name);
      if (object !== undefined) await store.remove(object);
    },
    async handle(call) {
      const [, tested] = /^\/storage\/v1\/b\/([^/]+)\/iam\/testPermissions$/.exec(call.url.pathname) ?? [];
      if (tested !== undefined && call.method === 'GET') return testPermissions(call, tested);
      const unknown = [...call.url.searchParams.keys()].find((parameter) => !OBJECT_PARAMETERS.has(parameter));
      const [, prefix, bucket, rest, encoded] =
        /^\/((?:download\/|upload\/)?storage\/v1)\/b\/([^/]+)\/(o)(?:\/([^/]+))?$/.exec(call.url.pathname) ?? [];
      if (prefix === undefined || bucket === undefined || rest === undefined) {
        if (!call.url.pathname.startsWith('/storage/v1/')) return false;
        return refuse(
          call,
          501,
          'notImplemented',
          `${call.method} ${call.url.pathname} of Cloud Storage is not known here.`,
        );
      }
      if (unknown !== undefined)
        return refuse(call, 501, 'notImplemented', `The parameter ${unknown} is not known here.`);
      if (encoded === undefined) {
        if (prefix.startsWith('upload/') && call.method === 'POST') return insert(call, bucket);
        if (prefix === 'storage/v1' && call.method === 'GET') return list(call, bucket);
        return refuse(call, 501, 'notImplemented', `${call.method} on objects is not known here.`);
      }
      const name = decodeURIComponent(encoded);
      if (call.method === 'GET') return get(call, bucket, name);
      if (call.method === 'DELETE') return remove(call, bucket, name);
      return refuse(call, 501, 'notImplemented', `${call.method} on an object is not known here.`);
    },
  };
};
