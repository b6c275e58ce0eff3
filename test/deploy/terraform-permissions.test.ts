import { execFile, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from '@jest/globals';

const execute = promisify(execFile);
const module = join(import.meta.dirname, '../../deploy/terraform');
const PROGRAM = 'terraform';
const hasTerraform = spawnSync(PROGRAM, ['version']).status === 0;
if (!hasTerraform) console.warn('SKIPPED: no terraform here, so what the module grants is not evaluated.');

const GRANTS = ['buckets', 'staging', 'read_datasets', 'read_tables', 'job_projects', 'given_topics'];

/** What the module grants for some variables, evaluated by terraform. */
const grantsOf = async (variables: object): Promise<Record<string, string[]>> => {
  const folder = mkdtempSync(join(tmpdir(), 'courier-terraform-'));
  try {
    const text = (file: string): string => readFileSync(join(module, file), 'utf8');
    const locals = /^locals \{[\s\S]*?\n\}\n/m.exec(text('permissions.tf'))?.[0] ?? '';
    const members = GRANTS.map((name) => `    ${name} = local.${name}`).join('\n');
    writeFileSync(join(folder, 'variables.tf'), text('variables.tf'));
    writeFileSync(join(folder, 'main.tf'), `${locals}\noutput "grants" {\n  value = {\n${members}\n  }\n}\n`);
    const needed = {
      project: 'my-project',
      region: 'europe-west1',
      image: 'i',
      folder: '0AFolder',
      callers: ['a@b.gserviceaccount.com'],
    };
    writeFileSync(join(folder, 'terraform.tfvars.json'), JSON.stringify({ ...needed, ...variables }));
    const env = { ...process.env, CHECKPOINT_DISABLE: '1' };
    const run = (...args: string[]) => execute(PROGRAM, args, { cwd: folder, env });
    await run('init', '-input=false');
    await run('apply', '-auto-approve', '-input=false');
    return JSON.parse((await run('output', '-json', 'grants')).stdout);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
};

const NOTHING = { buckets: [], staging: [], read_datasets: [], read_tables: [], job_projects: [], given_topics: [] };

const CONFIG = `
destinations:
  one: {folder: f, credentials: c, callers: [a], sources: [gs://exports/ready/, "bigquery://my-project.sales.daily"]}
  two: {folder: f, credentials: c, callers: [a]}
pubsub:
  subscriptions:
    projects/p/subscriptions/s: {serviceAccount: a, destinations: [one], sources: ["bigquery://shared-data.public.*"], topic: projects/p/topics/prefixes}
    projects/p/subscriptions/t: {serviceAccount: a, destinations: [two], sources: ["bigquery://shared-data.public.*"], topic: projects/p/topics/tables}
    projects/my-project/subscriptions/drive-courier-exports: {serviceAccount: a, destinations: [one], topic: projects/my-project/topics/drive-courier-exports}
  deadLetterTopic: projects/p/topics/failed
  eventSources: [gs://events/]
queries:
  own: {sql: SELECT 1, callers: [a], destinations: [one]}
  paid: {sql: SELECT 1, callers: [a], destinations: [one], project: payer-project, staging: {prefix: gs://staging/queries/}}
receiptTopic: projects/other/topics/receipts
`;

(hasTerraform ? test : test.skip).each<[string, object, object]>([
  ['nothing', {}, NOTHING],
  [
    'sources of the variables',
    {
      sources: [
        'gs://exports/',
        'gs://exports/ready/',
        'bigquery://my-project.sales.daily',
        'bigquery://p-two.public.*',
      ],
    },
    {
      ...NOTHING,
      buckets: ['exports'],
      read_datasets: ['p-two.public'],
      read_tables: ['my-project.sales.daily'],
      job_projects: ['my-project'],
    },
  ],
  [
    'datasets of queries',
    { datasets: ['my-project.sales'], config: 'queries: {}' },
    { ...NOTHING, read_datasets: ['my-project.sales'], job_projects: ['my-project'] },
  ],
  [
    'a configuration',
    { config: CONFIG },
    {
      buckets: ['events', 'exports'],
      staging: ['staging'],
      read_datasets: ['shared-data.public'],
      read_tables: ['my-project.sales.daily'],
      job_projects: ['my-project', 'payer-project'],
      given_topics: ['projects/other/topics/receipts', 'projects/p/topics/failed', 'projects/p/topics/prefixes'],
    },
  ],
])(
  'terraform grants what is needed for %s',
  async (_, variables, grants) => expect(await grantsOf(variables)).toEqual(grants),
  60_000,
);

(hasTerraform ? test : test.skip).each<[string, object, RegExp]>([
  ['a source that is no table', { sources: ['bigquery://my-project.sales'] }, /bigquery:\/\/PROJECT\.DATASET\.TABLE/],
  ['a dataset without a project', { datasets: ['sales'] }, /PROJECT\.DATASET/],
  ['receipts beside a configuration', { receipts: true, config: '{}' }, /receiptTopic/],
])(
  'terraform refuses %s',
  async (_, variables, words) => {
    await expect(grantsOf(variables)).rejects.toThrow(words);
  },
  60_000,
);
