import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from '@jest/globals';
import { readConfig } from '../../src/config/config.ts';
import { NEEDED, startDeployScripts } from '../support/deploy/deploy-scripts.ts';
import type { ProjectState } from '../support/deploy/gcloud/state.ts';
import { hasGcloud, lintGcloud } from '../support/deploy/gcloud-lint.ts';

const scripts = await startDeployScripts();
afterAll(() => scripts.close());
const { openProject, folder } = scripts;

const RUNTIME = 'serviceAccount:drive-courier-run@my-project.iam.gserviceaccount.com';
const DOWN = ['teardown', '--project=my-project', '--region=europe-west1', '--yes'];
const KEYLESS = [...NEEDED, '--keyless'];
const CALLER = 'report-job@my-project.iam.gserviceaccount.com';

const onDataset = (project: string, dataset: string, name = 'drive-courier') => {
  const resource = `projects/${project}/datasets/${dataset}`;
  return `roles/bigquery.dataViewer ${RUNTIME} title=${name} reads ${project}.${dataset},expression=resource.name=="${resource}" || resource.name.startsWith("${resource}/")`;
};
const onTable = (table: string, path: string) =>
  `roles/bigquery.dataViewer ${RUNTIME} title=drive-courier reads ${table},expression=resource.name=="${path}"`;
const JOBS = `roles/bigquery.jobUser ${RUNTIME} None`;

/** What the courier's account may do in BigQuery, Pub/Sub and Cloud Storage. */
const granted = ({ policies }: ProjectState): Record<string, string[]> =>
  Object.fromEntries(
    Object.entries(policies).flatMap(([resource, bindings]) => {
      const own = bindings.filter(
        (each) => / serviceAccount:drive-courier-run@/.test(each) && /bigquery|pubsub|storage/.test(each),
      );
      return own.length === 0 ? [] : [[resource, own.sort()]];
    }),
  );

/** A configuration file beside the scripts. */
const configFile = (name: string, more: object, sources: string[] = []): string => {
  const document = {
    audiences: ['https://drive-courier-123456789012.europe-west1.run.app'],
    identity: 'cloud-run-iam',
    destinations: { default: { folder: '0AFolderFolderFolder', credentials: 'drive', callers: [CALLER], sources } },
    credentials: { drive: { impersonate: 'drive-courier-drive@my-project.iam.gserviceaccount.com' } },
    ledger: { firestore: {} },
    ...more,
  };
  writeFileSync(join(folder, name), JSON.stringify(document));
  return `--config=${join(folder, name)}`;
};
const query = (sql: string, more: object = {}) => ({ sql, callers: [CALLER], destinations: ['default'], ...more });
const allCalls: string[][] = [];

describe('queries of the configuration', () => {
  const queries = {
    daily: query('SELECT a FROM sales.daily JOIN `shared-data.public.days` USING (day)'),
    paid: query('SELECT a FROM web.events', { project: 'payer-project' }),
  };

  test('may run and read their datasets, and nothing else; a second run changes nothing; a teardown takes it back', async () => {
    const project = openProject();
    const options = [...KEYLESS, '--queue=none', configFile('queries.json', { queries })];
    const first = await project.run(options);
    expect(first).toMatchObject({ code: 0 });
    expect(granted(first.state)).toEqual({
      'projects my-project': [onDataset('my-project', 'sales'), JOBS],
      'projects payer-project': [onDataset('payer-project', 'web'), JOBS],
      'projects shared-data': [onDataset('shared-data', 'public')],
    });
    expect(first.state.apis).toContain('bigquery.googleapis.com');
    expect(first.stderr).not.toContain('--dataset');

    const second = await project.run(options);
    expect(second).toMatchObject({ code: 0, stdout: '', state: { changes: [] } });
    allCalls.push(...first.state.calls);

    const down = await project.run(DOWN);
    expect(down).toMatchObject({ code: 0 });
    expect(down.state.policies['projects my-project']).toEqual([]);
    expect(down.stderr).toContain('roles in other projects');
    allCalls.push(...down.state.calls);
  }, 120_000);

  test('that leave the configuration lose their datasets, and what others have granted stays', async () => {
    const project = openProject();
    const first = await project.run([...KEYLESS, '--queue=none', configFile('both.json', { queries })]);
    const byHand = `roles/bigquery.dataViewer ${RUNTIME} None`;
    const policies = { ...first.state.policies };
    policies['projects my-project'] = [...(policies['projects my-project'] ?? []), byHand];
    const again = openProject({ ...first.state, policies });
    const other = { other: query('SELECT a FROM stock.levels') };
    const second = await again.run([...KEYLESS, '--queue=none', configFile('other.json', { queries: other })]);
    expect(second).toMatchObject({ code: 0 });
    expect(granted(second.state)['projects my-project']).toEqual(
      [byHand, onDataset('my-project', 'stock'), JOBS].sort(),
    );
    allCalls.push(...second.state.calls);
  }, 120_000);

  test('with a staging bucket may write and delete there', async () => {
    const staged = { big: query('SELECT a FROM sales.daily', { staging: { prefix: 'gs://exports-bucket/staged/' } }) };
    const project = openProject();
    const options = [...KEYLESS, '--queue=none', configFile('staged.json', { queries: staged })];
    const ran = await project.run(options);
    expect(ran).toMatchObject({ code: 0 });
    expect(granted(ran.state)['storage buckets gs://exports-bucket']).toEqual([`roles/storage.objectUser ${RUNTIME} `]);
    expect(await project.run(options)).toMatchObject({ code: 0, stdout: '' });
  }, 120_000);

  test('whose SQL does not show the datasets are reported, and --dataset names them', async () => {
    const unclear = { changes: query('SELECT a FROM sales.changes("2026-11-27")') };
    const options = [...KEYLESS, '--queue=none', configFile('unclear.json', { queries: unclear })];
    const project = openProject();
    const ran = await project.run(options);
    expect(ran).toMatchObject({ code: 0, stderr: expect.stringMatching(/query "changes".*--dataset/) });
    expect(granted(ran.state)).toEqual({ 'projects my-project': [JOBS] });
    const named = await project.run([...options, '--dataset=my-project.sales']);
    expect(named).toMatchObject({ code: 0, stderr: expect.not.stringContaining('query "changes"') });
    expect(granted(named.state)).toEqual({ 'projects my-project': [onDataset('my-project', 'sales'), JOBS] });
  }, 120_000);

  test('in a project where roles cannot be granted stop the script, which prints the reason', async () => {
    const fault = {
      refuse: 'projects get-iam-policy shared-data',
      words: 'PERMISSION_DENIED: The caller does not have permission',
    };
    const ran = await openProject().run([...KEYLESS, '--queue=none', configFile('denied.json', { queries })], fault);
    expect(ran.code).toBe(77);
    expect(Object.keys(ran.state.services)).toEqual([]);
  }, 60_000);
});

describe('sources', () => {
  test('that are tables may be read, one by one or as a dataset', async () => {
    const sources = [
      'bigquery://my-project.sales.daily',
      'bigquery://my-project.sales.old shop',
      'bigquery://my-project.public.*',
    ];
    const project = openProject();
    const options = [...KEYLESS, '--queue=none', ...sources.map((source) => `--source=${source}`)];
    const ran = await project.run(options);
    expect(ran).toMatchObject({ code: 0 });
    expect(granted(ran.state)).toEqual({
      'projects my-project': [
        onTable('my-project.sales.daily', 'projects/my-project/datasets/sales/tables/daily'),
        onTable('my-project.sales.old shop', 'projects/my-project/datasets/sales/tables/old shop'),
        onDataset('my-project', 'public'),
        JOBS,
      ].sort(),
    });
    const [, document = ''] =
      /COURIER_CONFIG: \|\n {2}(.+)\n$/.exec(ran.state.services['drive-courier']?.environment ?? '') ?? [];
    expect(readConfig({ COURIER_CONFIG: document }).destinations.default?.sources).toEqual(sources);
    expect(await project.run(options)).toMatchObject({ code: 0, stdout: '' });
  }, 120_000);

  test('of a configuration file that are buckets may be read and listed', async () => {
    const ran = await openProject().run([
      ...KEYLESS,
      '--queue=none',
      configFile('bucket.json', {}, ['gs://exports-bucket/ready/']),
    ]);
    expect(ran).toMatchObject({ code: 0 });
    expect(granted(ran.state)).toEqual({
      'storage buckets gs://exports-bucket': [`roles/storage.objectViewer ${RUNTIME} `],
    });
  }, 60_000);

  test.each([
    ['--source=bigquery://my-project.sales', /"bigquery:\/\/my-project.sales" is not a valid source/],
    ['--source=bigquery://my-project.sales.da*', /not a valid source/],
    ['--dataset=sales', /"sales" is not a valid dataset/],
  ])('%s is rejected before anything is asked', async (option, words) => {
    const ran = await openProject().run([...KEYLESS, option]);
    expect(ran).toMatchObject({ code: 64, state: { changes: [] }, stderr: expect.stringMatching(words) });
  });
});

test('a build of an older version, which does not list the permissions, is reported', async () => {
  const server = join(folder, 'dist/server.js');
  const stub = readFileSync(server, 'utf8');
  writeFileSync(server, "console.log('ok: the configuration is valid.')");
  try {
    const ran = await openProject().run([...KEYLESS, '--queue=none']);
    expect(ran).toMatchObject({ code: 69, state: { changes: [] }, stderr: expect.stringContaining('npm run build') });
  } finally {
    writeFileSync(server, stub);
  }
}, 60_000);

describe('topics', () => {
  const publishes = `roles/pubsub.publisher ${RUNTIME} `;

  test('a queue with a bucket may publish one message for each object of a prefix to its own topic', async () => {
    const ran = await openProject().run([...KEYLESS, '--bucket=exports-bucket']);
    expect(ran).toMatchObject({ code: 0 });
    expect(granted(ran.state)).toMatchObject({
      'pubsub topics drive-courier-exports': [publishes],
      'pubsub topics drive-courier-failed': [publishes],
    });
    const [, document = ''] =
      /COURIER_CONFIG: \|\n {2}(.+)\n$/.exec(ran.state.services['drive-courier']?.environment ?? '') ?? [];
    const { subscriptions } = readConfig({ COURIER_CONFIG: document }).pubsub;
    expect(Object.values(subscriptions).map(({ topic }) => topic)).toEqual([
      'projects/my-project/topics/drive-courier-exports',
    ]);
  }, 60_000);

  test('a queue without objects may not', async () => {
    const ran = await openProject().run(KEYLESS);
    expect(granted(ran.state)).toEqual({ 'pubsub topics drive-courier-failed': [publishes] });
  }, 60_000);

  test('events with a bucket may', async () => {
    const ran = await openProject().run([...KEYLESS, '--queue=eventarc', '--bucket=exports-bucket']);
    expect(ran).toMatchObject({ code: 0 });
    expect(granted(ran.state)['pubsub topics drive-courier-exports']).toEqual([publishes]);
  }, 60_000);

  test('--receipts creates a topic for receipts, which a teardown deletes', async () => {
    const project = openProject();
    const options = [...KEYLESS, '--queue=none', '--receipts'];
    const first = await project.run(options);
    expect(first).toMatchObject({ code: 0 });
    expect(first.state.things.topics).toHaveProperty('drive-courier-receipts');
    expect(granted(first.state)).toEqual({ 'pubsub topics drive-courier-receipts': [publishes] });
    const [, document = ''] =
      /COURIER_CONFIG: \|\n {2}(.+)\n$/.exec(first.state.services['drive-courier']?.environment ?? '') ?? [];
    expect(readConfig({ COURIER_CONFIG: document }).receiptTopic).toBe(
      'projects/my-project/topics/drive-courier-receipts',
    );
    expect(await project.run(options)).toMatchObject({ code: 0, stdout: '' });
    expect((await project.run(DOWN)).state.things.topics).toEqual({});
  }, 120_000);

  test('a receipt topic of a configuration file may be published to', async () => {
    const receiptTopic = 'projects/other-project/topics/receipts';
    const ran = await openProject().run([...KEYLESS, '--queue=none', configFile('receipts.json', { receiptTopic })]);
    expect(ran).toMatchObject({ code: 0 });
    expect(granted(ran.state)).toEqual({ 'pubsub topics receipts': [publishes] });
    expect(ran.state.changes.join('\n')).toContain(
      'pubsub topics add-iam-policy-binding receipts --project=other-project',
    );
    const both = await openProject().run([...KEYLESS, '--receipts', configFile('receipts.json', { receiptTopic })]);
    expect(both).toMatchObject({ code: 64, stderr: expect.stringContaining('receiptTopic') });
  }, 60_000);
});

(hasGcloud ? test : test.skip)(
  'gcloud itself finds the commands in order',
  async () => {
    const conditional = allCalls.filter((argv) => argv.some((word) => word.startsWith('--condition=title=')));
    const kinds = new Map(conditional.map((argv) => [argv.slice(0, 2).join(' '), argv]));
    const quoted = (word: string): string =>
      /^[\w@%+=:,./-]+$/.test(word) ? word : word.replace(/^(--[\w-]+=)?([\s\S]*)$/, "$1'$2'");
    expect([...kinds.keys()].sort()).toEqual(['projects add-iam-policy-binding', 'projects remove-iam-policy-binding']);
    expect(await lintGcloud([...kinds.values()].map((argv) => ['gcloud', ...argv.map(quoted)].join(' ')))).toEqual([]);
  },
  120_000,
);
