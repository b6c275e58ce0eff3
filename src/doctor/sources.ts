import { z } from 'zod';
import type { Config } from '../config/config.ts';
import { needsUserProject } from '../exports/sources/storage-refusal.ts';
import type { DoctorDependencies } from './dependencies.ts';
import { memberOf } from './remedies.ts';
import { type Check, type Fault, fromFaults, passed } from './report.ts';

const GET = 'storage.objects.get';
const held = z.object({ permissions: z.array(z.string()).default([]) });

/** What the courier may do with a bucket; `unseen` where Cloud Storage does not say. */
type BucketSight = 'readable' | 'not-readable' | 'missing' | 'requester-pays' | 'unseen';

/**
 * Asks Cloud Storage for each bucket once, however many sources are in it. Needs no permission
 * (https://cloud.google.com/storage/docs/json_api/v1/buckets/testIamPermissions). Never rejects.
 */
export const createBucketSight = (
  { config: { userProject }, transport, runtime }: Pick<DoctorDependencies, 'config' | 'transport' | 'runtime'>,
  deadlineMs: number,
): ((bucket: string) => Promise<BucketSight>) => {
  /** As deliveries ask: for whose account is said only where the bucket wants to know. */
  const ask = async (bucket: string, payer: string | null): Promise<{ status: number; body: Buffer }> => {
    const billed = payer === null ? '' : `&userProject=${encodeURIComponent(payer)}`;
    return transport.send({
      operation: 'storage.buckets.testIamPermissions',
      method: 'GET',
      url: `https://storage.googleapis.com/storage/v1/b/${encodeURIComponent(bucket)}/iam/testPermissions?permissions=${GET}${billed}`,
      headers: { authorization: `Bearer ${await runtime.token()}` },
      retry: 'idempotent',
      deadlineMs,
    });
  };
  const look = async (bucket: string): Promise<BucketSight> => {
    try {
      const first = await ask(bucket, null);
      const isBilled = needsUserProject(first);
      if (isBilled && userProject === null) return 'requester-pays';
      const { status, body } = isBilled ? await ask(bucket, userProject) : first;
      if (isBilled && status === 403) return 'requester-pays';
      if (status === 404) return 'missing';
      if (status !== 200) return 'unseen';
      return held.parse(JSON.parse(body.toString())).permissions.includes(GET) ? 'readable' : 'not-readable';
    } catch {
      return 'unseen';
    }
  };
  const sights = new Map<string, Promise<BucketSight>>();
  return (bucket) => {
    const sight = sights.get(bucket) ?? look(bucket);
    sights.set(bucket, sight);
    return sight;
  };
};

/** Every source from which something may come to a destination: its own, and those of the ways that lead to it. */
const sourcesOf = ({ destinations, pubsub }: Pick<Config, 'destinations' | 'pubsub'>, name: string): string[] => [
  ...new Set([
    ...(destinations[name]?.sources ?? []),
    ...Object.values(pubsub.subscriptions).flatMap((subscription) =>
      subscription.destinations.includes(name) ? subscription.sources : [],
    ),
    ...(pubsub.eventDestinations.includes(name) ? pubsub.eventSources : []),
  ]),
];

const bucketOf = (source: string): string => source.slice('gs://'.length, source.indexOf('/', 'gs://'.length));

const faultOf = (
  bucket: string,
  prefixes: readonly string[],
  sight: BucketSight,
  runtime: string | undefined,
): Fault[] => {
  if (sight === 'readable') return [];
  if (sight === 'requester-pays') {
    const consumer = 'roles/serviceusage.serviceUsageConsumer';
    return [
      {
        result: 'failed',
        detail: `gs://${bucket} is a requester-pays bucket, and the courier names no project that it may bill.`,
        remedy: `Set "userProject" in the configuration to the project that pays, and run: gcloud projects add-iam-policy-binding PROJECT --member=${memberOf(runtime)} --role=${consumer}`,
      },
    ];
  }
  const grant = `gcloud storage buckets add-iam-policy-binding gs://${bucket} --member=${memberOf(runtime)} --role=roles/storage.objectViewer`;
  if (sight === 'missing') {
    const remedy = `Correct the bucket's name under "sources" in the configuration, or: gcloud storage buckets create gs://${bucket}`;
    return [{ result: 'failed', detail: `There is no bucket gs://${bucket}.`, remedy }];
  }
  if (sight === 'unseen') {
    const detail = `Whether the courier may read gs://${bucket} cannot be seen.`;
    return [{ result: 'warned', detail, remedy: `gcloud storage buckets get-iam-policy gs://${bucket}` }];
  }
  // Whoever may read only some folders (an IAM condition, managed folders) holds nothing on the bucket itself.
  const mayHoldSome = prefixes.every((source) => source !== `gs://${bucket}/`);
  return [
    {
      result: mayHoldSome ? 'warned' : 'failed',
      detail: mayHoldSome
        ? `The courier may not read gs://${bucket} as a whole; whether it may read ${prefixes.join(', ')} shows when an object is delivered.`
        : `The courier may not read gs://${bucket}.`,
      remedy: grant,
    },
  ];
};

/** Whether the courier may read what `sources` let through to a destination. */
export const checkSources = async (
  { config }: Pick<DoctorDependencies, 'config'>,
  destination: string,
  { sightOf, runtimeEmail }: { sightOf: ReturnType<typeof createBucketSight>; runtimeEmail: string | undefined },
): Promise<Check> => {
  const sources = sourcesOf(config, destination);
  if (sources.length === 0) {
    return passed(
      'sources',
      'None: neither the destination nor a way that leads to it lists "sources", so exports of gs:// objects are answered source-not-found.',
    );
  }
  const buckets = [...new Set(sources.map(bucketOf))];
  const faults = await Promise.all(
    buckets.map(async (bucket) =>
      faultOf(
        bucket,
        sources.filter((source) => bucketOf(source) === bucket),
        await sightOf(bucket),
        runtimeEmail,
      ),
    ),
  );
  const from = `Objects from ${sources.join(', ')}.`;
  return faults.flat().length === 0 ? passed('sources', from) : fromFaults('sources', from, faults.flat());
};
