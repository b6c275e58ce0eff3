import type { Config } from '../../../config/config.ts';
import { bucketOf, isTableSource } from '../../../config/schema/sources.ts';
import { needsUserProject } from '../../../exports/sources/storage-refusal.ts';
import type { GoogleResponse } from '../../../google/transport.ts';
import type { DoctorDependencies } from '../../dependencies.ts';
import { onceEach } from '../../once-each.ts';
import { heldPermissions, testBucket } from '../../permissions.ts';
import { memberOf } from '../../remedies.ts';
import { type Check, type Fault, fromFaults, passed } from '../../report.ts';

const GET = 'storage.objects.get';
const LIST = 'storage.objects.list';

/** The courier's access to a bucket; `unknown` if Cloud Storage does not report it. */
type BucketAccess = 'readable' | 'not-listable' | 'not-readable' | 'missing' | 'requester-pays' | 'unknown';

const accessOf = (answer: GoogleResponse): BucketAccess => {
  if (answer.status === 404) return 'missing';
  if (answer.status !== 200) return 'unknown';
  const permissions = heldPermissions(answer);
  if (!permissions.includes(GET)) return 'not-readable';
  return permissions.includes(LIST) ? 'readable' : 'not-listable';
};

/**
 * Makes a function that asks Cloud Storage about a bucket, once for each bucket. As in deliveries, the project that pays is sent
 * only if the bucket requires it. Never rejects.
 */
export const createBucketReader = (
  dependencies: Pick<DoctorDependencies, 'config' | 'transport' | 'runtime'>,
  deadlineMs: number,
): ((bucket: string) => Promise<BucketAccess>) => {
  const { userProject } = dependencies.config;
  const ask = (bucket: string, payer?: string): Promise<GoogleResponse> =>
    testBucket(dependencies, bucket, [GET, LIST], { payer, deadlineMs });
  return onceEach(async (bucket: string): Promise<BucketAccess> => {
    try {
      const first = await ask(bucket);
      if (!needsUserProject(first)) return accessOf(first);
      if (userProject === null) return 'requester-pays';
      const billed = await ask(bucket, userProject);
      return billed.status === 403 ? 'requester-pays' : accessOf(billed);
    } catch {
      return 'unknown';
    }
  });
};

/** The sources for a destination: its own, and those of the subscriptions and events that deliver to it. */
const sourcesOf = ({ destinations, pubsub }: Pick<Config, 'destinations' | 'pubsub'>, name: string): string[] => [
  ...new Set([
    ...(destinations[name]?.sources ?? []),
    ...Object.values(pubsub.subscriptions).flatMap((subscription) =>
      subscription.destinations.includes(name) ? subscription.sources : [],
    ),
    ...(pubsub.eventDestinations.includes(name) ? pubsub.eventSources : []),
  ]),
];

const faultOf = (
  bucket: string,
  prefixes: readonly string[],
  access: BucketAccess,
  runtime: string | undefined,
): Fault[] => {
  if (access === 'readable') return [];
  if (access === 'requester-pays') {
    const consumer = 'roles/serviceusage.serviceUsageConsumer';
    return [
      {
        result: 'failed',
        detail: `gs://${bucket} is a requester-pays bucket, and the courier has no project that can be billed.`,
        remedy: `Set "userProject" in the configuration to the project that pays, and run: gcloud projects add-iam-policy-binding PROJECT --member=${memberOf(runtime)} --role=${consumer}`,
      },
    ];
  }
  const grant = `gcloud storage buckets add-iam-policy-binding gs://${bucket} --member=${memberOf(runtime)} --role=roles/storage.objectViewer`;
  if (access === 'missing') {
    const remedy = `Correct the bucket's name under "sources" in the configuration, or: gcloud storage buckets create gs://${bucket}`;
    return [{ result: 'failed', detail: `The bucket gs://${bucket} does not exist.`, remedy }];
  }
  if (access === 'unknown') {
    const detail = `It is unknown whether the courier can read gs://${bucket}.`;
    return [{ result: 'warned', detail, remedy: `gcloud storage buckets get-iam-policy gs://${bucket}` }];
  }
  if (access === 'not-listable') {
    const detail = `The courier can read the objects of gs://${bucket}, and cannot list them (${LIST}), so exports of prefixes fail with source-forbidden.`;
    return [{ result: 'warned', detail, remedy: grant }];
  }
  // With access to some folders only (an IAM condition, managed folders) there is no permission on the bucket itself.
  const mayReadSome = prefixes.every((source) => source !== `gs://${bucket}/`);
  return [
    {
      result: mayReadSome ? 'warned' : 'failed',
      detail: mayReadSome
        ? `The courier cannot read all of gs://${bucket}. Whether it can read ${prefixes.join(', ')} is known only when an object is delivered.`
        : `The courier cannot read gs://${bucket}.`,
      remedy: grant,
    },
  ];
};

interface SourcesOptions {
  readBucket: ReturnType<typeof createBucketReader>;
  /** Finds what is wrong with the tables among the sources. */
  examineTables(sources: readonly string[]): Promise<Fault[]>;
  runtimeEmail: string | undefined;
}

/** Checks that the courier can read the `sources` of a destination. */
export const checkSources = async (
  { config }: Pick<DoctorDependencies, 'config'>,
  destination: string,
  { readBucket, examineTables, runtimeEmail }: SourcesOptions,
): Promise<Check> => {
  const sources = sourcesOf(config, destination);
  if (sources.length === 0) {
    const why = 'No "sources" are configured, so exports of gs:// objects and of tables fail with source-not-found.';
    return passed('sources', why);
  }
  const tableFaults = await examineTables(sources.filter(isTableSource));
  const prefixes = sources.filter((source) => !isTableSource(source));
  const buckets = [...new Set(prefixes.map(bucketOf))];
  const faults = await Promise.all(
    buckets.map(async (bucket) =>
      faultOf(
        bucket,
        prefixes.filter((source) => bucketOf(source) === bucket),
        await readBucket(bucket),
        runtimeEmail,
      ),
    ),
  );
  const what = prefixes.length === sources.length ? 'Objects' : prefixes.length === 0 ? 'Tables' : 'Objects and tables';
  const from = `${what} may come from ${sources.join(', ')}.`;
  const all = [...faults.flat(), ...tableFaults];
  return all.length === 0 ? passed('sources', from) : fromFaults('sources', from, all);
};
