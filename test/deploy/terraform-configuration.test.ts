import { execFile, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from '@jest/globals';
import { readConfig } from '../../src/config/config.ts';

const execute = promisify(execFile);
const root = join(import.meta.dirname, '../..');
const module = join(root, 'deploy/terraform');
const textOf = (path: string): string => readFileSync(join(module, path), 'utf8');

const PROGRAM = 'terraform';
const hasTerraform = spawnSync(PROGRAM, ['version']).status === 0;
if (!hasTerraform) console.warn('SKIPPED: no terraform here, so it does not evaluate deploy/terraform.');

/** The module's configuration, evaluated by terraform with replacements for what only Google knows. */
const configurationOf = async (variables: Record<string, unknown>): Promise<string> => {
  const folder = mkdtempSync(join(tmpdir(), 'courier-terraform-'));
  try {
    const locals = ['service.tf', 'ledger.tf', 'queue.tf'].map(
      (file) => /^locals \{[\s\S]*?\n\}\n/m.exec(textOf(file))?.[0] ?? '',
    );
    const plain = locals
      .join('\n')
      .replaceAll('data.google_project.this.number', '123456789012')
      .replaceAll('google_project_service_identity.pubsub[*].member', '[]')
      .replaceAll('google_service_account.aws_caller[*].email', '[]')
      .replaceAll('google_service_account.aws_caller[*].member', '[]')
      .replace(/google_service_account\.(\w+)\[\*\]\.(email|member)/g, '["$1@my-project.iam.gserviceaccount.com"]')
      .replace(/google_service_account\.(\w+)\.email/g, '"$1@my-project.iam.gserviceaccount.com"');
    writeFileSync(join(folder, 'variables.tf'), textOf('variables.tf'));
    writeFileSync(join(folder, 'main.tf'), `${plain}\noutput "config" {\n  value = local.config\n}\n`);
    writeFileSync(join(folder, 'terraform.tfvars.json'), JSON.stringify(variables));
    const env = { ...process.env, CHECKPOINT_DISABLE: '1' };
    const run = (...args: string[]) => execute(PROGRAM, args, { cwd: folder, env });
    await run('init', '-input=false');
    await run('apply', '-auto-approve', '-input=false');
    return (await run('output', '-raw', 'config')).stdout;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
};

const WANTED = {
  project: 'my-project',
  region: 'europe-west1',
  image: 'i',
  folder: '0AFolderFolderFolder',
  callers: ['report-job@my-project.iam.gserviceaccount.com'],
};
(hasTerraform ? test : test.skip).each<[string, Record<string, unknown>, object]>([
  [
    'keyless, with a push',
    {},
    { credentials: { drive: { impersonate: 'writer@my-project.iam.gserviceaccount.com' } } },
  ],
  [
    'with a key and a subject, without a queue',
    { keyless: false, subject: 'reports@example.com', push: false },
    {
      credentials: {
        drive: {
          secret: 'projects/my-project/secrets/drive-courier-key/versions/latest',
          subject: 'reports@example.com',
        },
      },
    },
  ],
  [
    'of another size, with people by their own tokens',
    { concurrency: 32, gcloud_user_tokens: true, callers: ['me@example.com'] },
    {
      audiences: ['https://drive-courier-123456789012.europe-west1.run.app', '32555940559.apps.googleusercontent.com'],
      operators: ['me@example.com'],
      limits: { concurrentUploads: 32 },
    },
  ],
  [
    'with the first caller as operator',
    {},
    { operators: ['report-job@my-project.iam.gserviceaccount.com'], limits: { concurrentUploads: 80 } },
  ],
  ['with a trigger', { events_image: 'e' }, { pubsub: { eventDestinations: ['default'], subscriptions: {} } }],
  [
    'with objects that callers may have delivered, and a bucket that is watched',
    { sources: ['gs://exports/ready/'], bucket: 'my-bucket' },
    {
      destinations: { default: { sources: ['gs://exports/ready/'] } },
      pubsub: {
        subscriptions: { 'projects/my-project/subscriptions/drive-courier-exports': { sources: ['gs://my-bucket/'] } },
      },
    },
  ],
])(
  'the courier takes the configuration that the module makes: %s',
  async (_, variables, expected) => {
    const config = readConfig({ COURIER_CONFIG: await configurationOf({ ...WANTED, ...variables }) });
    expect(config).toMatchObject({
      audiences: ['https://drive-courier-123456789012.europe-west1.run.app'],
      identity: 'cloud-run-iam',
      ...expected,
    });
  },
  60_000,
);

(hasTerraform ? test : test.skip).each([
  [true, 1],
  [false, 0],
])(
  'with gcloud_user_tokens = %s a plan has %d warnings of replayed tokens',
  async (isOn, count) => {
    const folder = mkdtempSync(join(tmpdir(), 'courier-terraform-'));
    try {
      writeFileSync(join(folder, 'variables.tf'), textOf('variables.tf'));
      writeFileSync(join(folder, 'terraform.tfvars.json'), JSON.stringify({ ...WANTED, gcloud_user_tokens: isOn }));
      const env = { ...process.env, CHECKPOINT_DISABLE: '1' };
      await execute(PROGRAM, ['init', '-input=false'], { cwd: folder, env });
      const { stdout } = await execute(PROGRAM, ['plan', '-input=false', '-no-color'], { cwd: folder, env });
      expect(stdout.match(/Warning: Check block assertion failed[\s\S]*?\breplay\b/g) ?? []).toHaveLength(count);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  },
  60_000,
);

(hasTerraform ? test : test.skip).each<[string, Record<string, unknown>, RegExp]>([
  ['a person as a caller', { callers: ['me@example.com'] }, /senders/],
  ['a person as an operator', { operators: ['me@example.com'] }, /senders/],
  ['too little memory for the uploads', { memory: '512Mi', concurrency: 500 }, /buffers/],
  ['memory of an unknown size', { memory: '1G' }, /Mi or Gi/],
  ['more instances at least than at most', { min_instances: 3, max_instances: 2 }, /min_instances/],
  ['an unknown ingress', { ingress: 'none' }, /internal/],
  ['a sender that is no member', { senders: ['me@example.com'] }, /user:EMAIL/],
  ['a sink that is none', { audit_sink: 'table' }, /bigquery:DATASET/],
])(
  'the module refuses %s',
  async (_, variables, words) => {
    const thrown = await configurationOf({ ...WANTED, ...variables }).then(String, ({ stderr }) => String(stderr));
    // Terraform wraps its lines and puts them into a frame.
    expect(thrown.replaceAll(/[^\x20-\x7e]+|\[\d*m/g, ' ').replaceAll(/\s+/g, ' ')).toMatch(words);
  },
  60_000,
);
