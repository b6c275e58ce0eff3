import { SUBSCRIPTION } from '../../../local/google/world/names.ts';
import type { World } from '../visit.ts';
import { QUIET } from './expected.ts';
import { QUEUE, queue } from './messages/queue.ts';

/** The buckets that objects may come from. */
export const SOURCE_WORLDS: readonly World[] = [
  {
    name: 'objects may come from a bucket that the courier may read',
    arrange: (google, document) => {
      document.destinations.reports.sources = [`gs://${google.bucket}/`, `gs://${google.bucket}/in/`];
    },
    finds: {
      ...QUIET,
      sources: { result: 'passed', detail: /^Objects may come from gs:\/\/[\w-]+\/, gs:\/\/[\w-]+\/in\/\.$/ },
    },
  },
  {
    name: 'a bucket whose readers pay, and no project that does',
    arrange: async (google, document) => {
      const readers = [google.world.emails.runtime];
      await google.storage.createBucket('payers-bucket', { readers, requesterPays: true });
      document.destinations.reports.sources = ['gs://payers-bucket/'];
      return undefined;
    },
    finds: {
      ...QUIET,
      sources: {
        result: 'failed',
        detail: /gs:\/\/payers-bucket is a requester-pays bucket/,
        remedy: /userProject.*gcloud projects add-iam-policy-binding PROJECT --member=serviceAccount:runtime@/,
      },
    },
  },
  {
    name: 'healthy, with a bucket whose readers pay',
    arrange: async (google, document) => {
      const { emails, project } = google.world;
      google.world.grantOnProject(`serviceAccount:${emails.runtime}`, 'roles/serviceusage.serviceUsageConsumer');
      await google.storage.createBucket('payers-bucket', { readers: [emails.runtime], requesterPays: true });
      document.destinations.reports.sources = ['gs://payers-bucket/'];
      document.userProject = project.id;
      return undefined;
    },
    finds: { ...QUIET, sources: { result: 'passed', detail: /gs:\/\/payers-bucket\// } },
  },
  {
    name: 'objects may come from a bucket that the courier may not read',
    arrange: async (google, document) => {
      await google.storage.createBucket('local-vault');
      document.destinations.reports.sources = ['gs://local-vault/'];
      return undefined;
    },
    finds: {
      ...QUIET,
      sources: {
        result: 'failed',
        detail: /The courier cannot read gs:\/\/local-vault\.$/,
        remedy:
          /^gcloud storage buckets add-iam-policy-binding gs:\/\/local-vault --member=serviceAccount:\S+ --role=roles\/storage\.objectViewer$/,
      },
    },
  },
  {
    name: 'objects may come from a folder of a bucket, of which the courier may perhaps read no more',
    arrange: async (google, document) => {
      await google.storage.createBucket('local-vault');
      document.destinations.reports.sources = ['gs://local-vault/ready/'];
      return undefined;
    },
    finds: {
      ...QUIET,
      sources: {
        result: 'warned',
        detail: /cannot read all of gs:\/\/local-vault\. .* gs:\/\/local-vault\/ready\/ is known only when/,
      },
    },
  },
  {
    name: 'a subscription brings objects from a bucket that does not exist',
    arrange: (google, document) => {
      queue(google, document);
      const pubsub = document.pubsub as { subscriptions: Record<string, Record<string, unknown>> };
      Object.assign(pubsub.subscriptions[SUBSCRIPTION] ?? {}, { sources: ['gs://no-such-bucket/'] });
    },
    finds: {
      ...QUEUE,
      sources: {
        result: 'failed',
        detail: /The bucket gs:\/\/no-such-bucket does not exist\.$/,
        remedy: /under "sources"/,
      },
    },
  },
];
