import { pipeline } from 'node:stream/promises';
import type { GoogleCall, GoogleService, ServiceContext } from '../google-service.ts';
import { answerJson, masked, rangeOf, refuse, resourceOf } from './answers.ts';
import { createStorageAuthorization, heldPermissions, READ_SCOPES } from './authorize.ts';
import { LIST_PARAMETERS, listFields, listPage } from './list.ts';
import { type Bucket, openObjectStore, type StoredObject } from './objects.ts';

/**
 * The part of Cloud Storage's JSON API that is needed to read exports
 * (https://cloud.google.com/storage/docs/json_api/v1/objects).
 */
export interface StorageService extends GoogleService {
  createBucket(name: string, rights?: Partial<Omit<Bucket, 'name'>>): Promise<void>;
  putObject(
    bucket: string,
    name: string,
    bytes: Buffer | string,
    options?: { contentType?: string; contentEncoding?: string; customerKey?: boolean },
  ): Promise<{ generation: string; crc32c: string }>;
  deleteObject(bucket: string, name: string): Promise<void>;
  /** The live objects of a bucket, ordered by name. */
  objects(bucket: string): readonly StoredObject[];
  /** True if the bucket exists and the account may write to it. */
  mayWrite(bucket: string, email: string): boolean;
}

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
  'key',
  'contentEncoding',
]);

export const createStorageService = async (context: ServiceContext): Promise<StorageService> => {
  const { now, dataDir, corrupt } = context;
  const store = await openObjectStore(dataDir, now);
  const { authenticate, isBilled, authorize } = createStorageAuthorization(context, store);

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
    if (authorize(call, bucket, 'listers') === undefined) return true;
    const page = listPage(store, bucket, call.url.searchParams);
    if ('fault' in page) return refuse(call, 400, 'invalid', page.fault);
    const fields = listFields(call.url.searchParams.get('fields'));
    if (fields === undefined) return refuse(call, 400, 'invalidParameter', 'Invalid field selection');
    const items = page.objects.map((object) => fields.itemOf(resourceOf(object, `https://${call.host}`)));
    const answer = {
      kind: 'storage#objects',
      ...(page.nextPageToken === undefined ? {} : { nextPageToken: page.nextPageToken }),
      ...(page.prefixes.length > 0 ? { prefixes: page.prefixes } : {}),
      ...(items.length > 0 ? { items } : {}),
    };
    return answerJson(call, 200, fields.answerOf(answer));
  };

  const testPermissions = (call: GoogleCall, bucketName: string): true => {
    const grant = authenticate(call, READ_SCOPES);
    if (grant === undefined) return true;
    const bucket = store.bucket(bucketName);
    if (bucket === undefined) return refuse(call, 404, 'notFound', 'The specified bucket does not exist.');
    if (!isBilled(call, bucket, grant)) return true;
    const permissions = heldPermissions(bucket, grant.email, call.url.searchParams.getAll('permissions'));
    if (permissions === undefined) return refuse(call, 501, 'notImplemented', 'These permissions are not implemented.');
    const kind = 'storage#testIamPermissionsResponse';
    return answerJson(call, 200, permissions.length === 0 ? { kind } : { kind, permissions });
  };

  const insert = async (call: GoogleCall, bucket: string): Promise<true> => {
    if (authorize(call, bucket, 'writers') === undefined) return true;
    const { searchParams } = call.url;
    const name = searchParams.get('name');
    if (searchParams.get('uploadType') !== 'media') {
      return refuse(call, 501, 'notImplemented', 'storage.objects.insert is implemented only with uploadType=media.');
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
    async createBucket(name, { readers = [], writers = [], requesterPays = false, unlistable = false } = {}) {
      await store.putBucket({ name, readers, writers, requesterPays, unlistable });
    },
    putObject: (bucket, name, bytes, options = {}) => store.put({ bucket, name, ...options }, Buffer.from(bytes)),
    async deleteObject(bucket, name) {
      const object = store.live(bucket, name);
      if (object !== undefined) await store.remove(object);
    },
    objects: (bucket) => store.list(bucket, ''),
    mayWrite: (bucket, email) => store.bucket(bucket)?.writers.includes(email) === true,
    async handle(call) {
      const [, tested] = /^\/storage\/v1\/b\/([^/]+)\/iam\/testPermissions$/.exec(call.url.pathname) ?? [];
      if (tested !== undefined && call.method === 'GET') return testPermissions(call, tested);
      const [, prefix, bucket, rest, encoded] =
        /^\/((?:download\/|upload\/)?storage\/v1)\/b\/([^/]+)\/(o)(?:\/([^/]+))?$/.exec(call.url.pathname) ?? [];
      const isList = encoded === undefined && prefix === 'storage/v1' && call.method === 'GET';
      const known = isList ? LIST_PARAMETERS : OBJECT_PARAMETERS;
      const unknown = [...call.url.searchParams.keys()].find((parameter) => !known.has(parameter));
      if (prefix === undefined || bucket === undefined || rest === undefined) {
        if (!call.url.pathname.startsWith('/storage/v1/')) return false;
        return refuse(
          call,
          501,
          'notImplemented',
          `${call.method} ${call.url.pathname} of Cloud Storage is not implemented.`,
        );
      }
      if (unknown !== undefined)
        return refuse(call, 501, 'notImplemented', `The parameter ${unknown} is not implemented.`);
      if (encoded === undefined) {
        if (prefix.startsWith('upload/') && call.method === 'POST') return insert(call, bucket);
        if (isList) return list(call, bucket);
        return refuse(call, 501, 'notImplemented', `${call.method} on objects is not implemented.`);
      }
      const name = decodeURIComponent(encoded);
      if (call.method === 'GET') return get(call, bucket, name);
      if (call.method === 'DELETE') return remove(call, bucket, name);
      return refuse(call, 501, 'notImplemented', `${call.method} on an object is not implemented.`);
    },
  };
};
