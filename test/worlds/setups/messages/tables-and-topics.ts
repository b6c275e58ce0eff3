import type { LocalGoogle } from '../../../../local/google/server.ts';
import { SUBSCRIPTION } from '../../../../local/google/world/names.ts';
import { askBigQuery, seedSales } from '../../../support/rows/query-tables.ts';
import type { Document, World } from '../../visit.ts';
import { QUIET } from '../expected.ts';
import { QUEUE, queue } from './queue.ts';

/** A table that the courier's own account may not read. */
const createPrivateTable = async (google: LocalGoogle): Promise<void> => {
  const access = [{ role: 'OWNER', userByEmail: google.world.emails.ops }];
  await askBigQuery(google, 'POST', '/datasets', { datasetReference: { datasetId: 'vault' }, access });
  const schema = { fields: [{ name: 'x', type: 'INTEGER' }] };
  await askBigQuery(google, 'POST', '/datasets/vault/tables', { tableReference: { tableId: 't' }, schema });
};

/** A subscription whose messages may bring the objects of a bucket. */
const bringObjects = (google: LocalGoogle, document: Document): undefined => {
  queue(google, document);
  const { subscriptions } = document.pubsub as { subscriptions: Record<string, Record<string, unknown>> };
  Object.assign(subscriptions[SUBSCRIPTION] ?? {}, { sources: [`gs://${google.bucket}/`] });
};

/** Tables that may be delivered, objects that are listed, and the topics to which the courier publishes. */
export const TABLE_AND_TOPIC_WORLDS: readonly World[] = [
  {
    name: 'a table and a dataset may be delivered, and the courier may read the table',
    arrange: async (google, document) => {
      await seedSales(google);
      document.destinations.reports.sources = ['bigquery://local-project.sales.daily', 'bigquery://local-project.x.*'];
      return undefined;
    },
    finds: {
      ...QUIET,
      sources: { result: 'passed', detail: /^Tables may come from bigquery:\/\/local-project\.sales\.daily/ },
    },
  },
  {
    name: 'a table may be delivered, and the courier may not run jobs',
    arrange: async (google, document) => {
      await seedSales(google, { mayRunJobs: false });
      document.destinations.reports.sources = ['bigquery://local-project.sales.daily'];
      return undefined;
    },
    finds: {
      ...QUIET,
      sources: {
        result: 'failed',
        detail: /cannot run BigQuery jobs in local-project \(bigquery\.jobs\.create\)/,
        remedy:
          /^gcloud projects add-iam-policy-binding local-project --member=serviceAccount:runtime@\S+ --role=roles\/bigquery\.jobUser/,
      },
    },
  },
  {
    name: 'tables may be delivered, one of which the courier may not read and one of which does not exist',
    arrange: async (google, document) => {
      await seedSales(google);
      await createPrivateTable(google);
      document.destinations.reports.sources = [
        'bigquery://local-project.vault.t',
        'bigquery://local-project.sales.missing',
      ];
      return undefined;
    },
    finds: {
      ...QUIET,
      sources: {
        result: 'failed',
        detail:
          /cannot read the table local-project\.vault\.t .*The table local-project\.sales\.missing does not exist/,
        remedy:
          /^bq add-iam-policy-binding --member=serviceAccount:runtime@\S+ --role=roles\/bigquery\.dataViewer 'local-project:vault\.t'; Correct/,
      },
    },
  },
  {
    name: 'objects may come from a bucket whose objects the courier may read and not list',
    arrange: async (google, document) => {
      await google.storage.createBucket('unlisted', { readers: [google.world.emails.runtime], unlistable: true });
      document.destinations.reports.sources = ['gs://unlisted/'];
      return undefined;
    },
    finds: {
      ...QUIET,
      sources: {
        result: 'warned',
        detail: /can read the objects of gs:\/\/unlisted, and cannot list them \(storage\.objects\.list\)/,
        remedy:
          /^gcloud storage buckets add-iam-policy-binding gs:\/\/unlisted --member=serviceAccount:\S+ --role=roles\/storage\.objectViewer$/,
      },
    },
  },
  {
    name: 'messages may ask for prefixes, and the courier may not publish to their topic',
    arrange: (google, document) => bringObjects(google, document),
    finds: {
      ...QUEUE,
      pubsub: {
        result: 'warned',
        detail: /The topic projects\/local-project\/topics\/exports does not exist, or .*pubsub\.topics\.publish/,
        remedy:
          /gcloud pubsub topics add-iam-policy-binding exports --project=local-project --member=serviceAccount:runtime@\S+ --role=roles\/pubsub\.publisher/,
      },
    },
  },
  {
    name: 'messages may ask for prefixes, and the courier may publish to their topic',
    arrange: (google, document) => {
      google.pubsub.createTopic('projects/local-project/topics/exports', [google.world.emails.runtime]);
      return bringObjects(google, document);
    },
    finds: { ...QUEUE, pubsub: { ...QUEUE.pubsub, detail: /^Messages come from \S+\. The ledger is in memory/ } },
  },
  {
    name: 'receipts go to a topic to which the courier may publish',
    arrange: (google, document) => {
      google.pubsub.createTopic('projects/local-project/topics/receipts', [google.world.emails.runtime]);
      document.receiptTopic = 'projects/local-project/topics/receipts';
      return undefined;
    },
    finds: { ...QUIET, receipts: { result: 'passed', detail: /topics\/receipts\.$/ } },
  },
  {
    name: 'receipts go to a topic to which the courier may not publish',
    arrange: (google, document) => {
      google.pubsub.createTopic('projects/local-project/topics/receipts', []);
      document.receiptTopic = 'projects/local-project/topics/receipts';
      return undefined;
    },
    finds: {
      ...QUIET,
      receipts: {
        result: 'failed',
        detail: /^The topic of receipts projects\/local-project\/topics\/receipts .*pubsub\.topics\.publish/,
        remedy:
          /gcloud pubsub topics add-iam-policy-binding receipts --project=local-project --member=serviceAccount:runtime@\S+ --role=roles\/pubsub\.publisher$/,
      },
    },
  },
];
