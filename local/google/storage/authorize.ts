import type { GoogleCall, Grant, ServiceContext } from '../google-service.ts';
import { refuse } from './answers.ts';
import type { Bucket, ObjectStore } from './objects.ts';

export const READ_SCOPES = [
  'devstorage.read_only',
  'devstorage.read_write',
  'devstorage.full_control',
  'cloud-platform',
];
const WRITE_SCOPES = READ_SCOPES.slice(1);

const bearerOf = ({ request }: GoogleCall): string =>
  /^Bearer (.+)$/i.exec(request.headers.authorization ?? '')?.[1] ?? '';

/** The permissions of a bucket's readers (roles/storage.objectViewer) and writers. */
const READER = ['storage.objects.get', 'storage.objects.list'];
const WRITER = ['storage.objects.create', 'storage.objects.delete'];
/** What a request does with a bucket. Listing needs `storage.objects.list`, which custom roles and legacy roles may lack. */
type Access = 'readers' | 'listers' | 'writers';
const PERMISSIONS: Readonly<Record<Access, string>> = {
  readers: 'storage.objects.get',
  listers: 'storage.objects.list',
  writers: 'storage.objects.create',
};
const KNOWN = new Set([...READER, ...WRITER]);

/**
 * The requested permissions that an account has on a bucket, for `buckets.testIamPermissions`, which needs no
 * permission itself (https://cloud.google.com/storage/docs/json_api/v1/buckets/testIamPermissions). Undefined when one
 * of them is not implemented here.
 */
export const heldPermissions = (
  { readers, writers, unlistable = false }: Bucket,
  email: string,
  requested: readonly string[],
): string[] | undefined => {
  if (requested.length === 0 || requested.some((permission) => !KNOWN.has(permission))) return undefined;
  const held = [...(readers.includes(email) ? READER : []), ...(writers.includes(email) ? WRITER : [])];
  return requested.filter(
    (permission) => held.includes(permission) && !(unlistable && permission === PERMISSIONS.listers),
  );
};

/** Checks of the caller. Each writes the error answer itself and then returns undefined or false. */
export interface StorageAuthorization {
  /** The caller, if the token is valid for this API. */
  authenticate(call: GoogleCall, scopes: readonly string[]): Grant | undefined;
  /** True when the request names a billing project where the bucket needs one. */
  isBilled(call: GoogleCall, bucket: Bucket, grant: Grant): boolean;
  /** The caller, if they may read or write objects of the bucket. */
  authorize(call: GoogleCall, bucketName: string, access: Access): Grant | undefined;
}

export const createStorageAuthorization = (
  { tokens, isApiEnabled, isAllowedOnProject }: ServiceContext,
  store: ObjectStore,
): StorageAuthorization => {
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

  /**
   * "Requests … must include a billing project", in which the caller may use services (storage/docs/requester-pays).
   */
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

  const authorize = (call: GoogleCall, bucketName: string, access: Access): Grant | undefined => {
    const grant = authenticate(call, access === 'writers' ? WRITE_SCOPES : READ_SCOPES);
    if (grant === undefined) return undefined;
    const bucket = store.bucket(bucketName);
    if (bucket === undefined) {
      refuse(call, 404, 'notFound', 'The specified bucket does not exist.');
      return undefined;
    }
    const hasRight = bucket[access === 'writers' ? 'writers' : 'readers'].includes(grant.email);
    if (!hasRight || (access === 'listers' && bucket.unlistable === true)) {
      const permission = PERMISSIONS[access];
      refuse(
        call,
        403,
        'forbidden',
        `${grant.email} does not have ${permission} access to the Google Cloud Storage ${access === 'listers' ? 'bucket' : 'object'}. Permission '${permission}' denied on resource (or it may not exist).`,
      );
      return undefined;
    }
    return isBilled(call, bucket, grant) ? grant : undefined;
  };

  return { authenticate, isBilled, authorize };
};
