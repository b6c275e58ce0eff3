import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from '@jest/globals';
import { readConfig } from '../../src/config/config.ts';
import { NEEDED, START, startDeployScripts, WAYS } from '../support/deploy/deploy-scripts.ts';
import { emptyProject, oldProject, type ProjectState } from '../support/deploy/gcloud/state.ts';

const scripts = await startDeployScripts();
afterAll(() => scripts.close());
const { openProject } = scripts;

const SERVICE = WAYS['a service with a key'] ?? [];
const EVENTS = WAYS['functions with Eventarc'] ?? [];
const PUSHER = 'drive-courier-push@my-project.iam.gserviceaccount.com';
const AGENT = 'serviceAccount:service-123456789012@gcp-sa-pubsub.iam.gserviceaccount.com';

/** The configuration that a service was deployed with. */
const configOf = ({ services }: ProjectState, name = 'drive-courier') => {
  const [, document = ''] = /COURIER_CONFIG: \|\n {2}(.+)\n$/.exec(services[name]?.environment ?? '') ?? [];
  return readConfig({ COURIER_CONFIG: document, GOOGLE_CLOUD_PROJECT: 'my-project' });
};

describe('a project in its first minutes', () => {
  test('temporary errors of Google in a new project are retried with a notice', async () => {
    const lags = { build: 3, eventarc: 3, metric: 0, agent: 2, api: 2, actAs: 2, account: 2 };
    const ran = await openProject({ lags }).run(EVENTS);
    expect(ran).toMatchObject({ code: 0 });
    expect(ran.state.lags).toEqual({ build: 0, eventarc: 0, metric: 0, agent: 0, api: 0, actAs: 0, account: 0 });
    for (const reason of [
      'the role of the build account is not known everywhere yet',
      'Google is still setting up Eventarc in this project',
      'Google is still creating its own account for this project',
      'an API that was enabled a moment ago is not ready yet',
      'a service account that was created a moment ago is not known everywhere yet',
    ])
      expect(ran.stderr).toContain(`Waiting: ${reason}.`);
    expect(ran.stderr).not.toContain('Ask an owner');
  }, 60_000);

  test('errors that do not go away in time are reported as they are', async () => {
    const { lags } = emptyProject();
    const ran = await openProject({ lags: { ...lags, eventarc: 1_000_000 } }).run(EVENTS);
    expect(ran.code).not.toBe(0);
    expect(ran.stderr).toMatch(/Waited \d+ minutes because Google is still setting up Eventarc/);
  }, 60_000);
});

test.each([
  ['Cannot find metric that matches type = "logging.googleapis.com/user/courier-deliveries".', 900],
  ['Permission denied while using the Eventarc Service Agent.', 600],
  ["Permission 'storage.objects.get' denied on resource (or it may not exist).", 600],
  ["Permission 'artifactregistry.repositories.get' denied", 600],
  ['Cloud Run Admin API has not been used in project 1 before or it is disabled.', 600],
  ['Service account service-1@gcp-sa-pubsub.iam.gserviceaccount.com does not exist.', 600],
  [
    "PERMISSION_DENIED: Permission 'iam.serviceaccounts.actAs' denied on service account drive-courier-run@my-project.iam.gserviceaccount.com (or it may not exist).",
    120,
  ],
  ["PERMISSION_DENIED: Permission 'iam.serviceAccounts.getIamPolicy' denied on resource (or it may not exist).", 120],
  ['PERMISSION_DENIED: Permission denied on resource', 0],
  ['PERMISSION_DENIED: Permission denied on resource (or it may not exist).', 0],
])('%s is waited for during %d seconds', (problem, seconds) => {
  const source = `. "$1"; is_settling "$2" && echo "$limit_seconds" || echo 0`;
  const { stdout } = spawnSync('bash', ['-c', source, 'bash', join(scripts.folder, 'deploy/steps/run.sh'), problem], {
    encoding: 'utf8',
    env: { PATH: process.env.PATH },
  });
  expect(Number(stdout.trim().split('\n').at(-1))).toBe(seconds);
});

describe('an account that does not exist', () => {
  test('is detected, although Google returns PERMISSION_DENIED for it', async () => {
    const ran = await openProject().run(SERVICE);
    expect(ran).toMatchObject({ code: 0 });
    const asked = ran.state.calls.filter((call) => call.slice(0, 3).join(' ') === 'iam service-accounts describe');
    expect(asked).toEqual([]);
    expect(Object.keys(ran.state.things.accounts ?? {}).sort()).toEqual([
      'courier-ops@my-project.iam.gserviceaccount.com',
      'drive-courier-build@my-project.iam.gserviceaccount.com',
      'drive-courier-drive@my-project.iam.gserviceaccount.com',
      PUSHER,
      'drive-courier-run@my-project.iam.gserviceaccount.com',
      'report-job@my-project.iam.gserviceaccount.com',
    ]);
  }, 60_000);
});

describe('a project from before 2021-04-08', () => {
  test.each([
    ['push', SERVICE],
    ['Eventarc', EVENTS],
  ])(
    "Pub/Sub's own account may create the tokens that a %s carries",
    async (_, options) => {
      const ran = await openProject(oldProject()).run(options);
      expect(ran).toMatchObject({ code: 0 });
      expect(ran.state.policies[`iam service-accounts ${PUSHER}`]).toEqual([
        `roles/iam.serviceAccountTokenCreator ${AGENT} `,
      ]);
    },
    60_000,
  );

  test('the retention of dead letters is extended from a week to 31 days', async () => {
    const project = openProject();
    const { state } = await project.run(SERVICE);
    const failed = { ...state.things.subscriptions?.['drive-courier-failed'], messageRetentionDuration: '604800s' };
    const older = { ...state.things, subscriptions: { ...state.things.subscriptions, 'drive-courier-failed': failed } };
    const again = await openProject({ ...state, things: older }).run(SERVICE);
    expect(again).toMatchObject({ code: 0 });
    expect(again.state.changes).toEqual([
      'pubsub subscriptions update drive-courier-failed --message-retention-duration=31d --project=my-project --quiet',
    ]);
    expect(again.state.things.subscriptions?.['drive-courier-failed']).toMatchObject({
      messageRetentionDuration: '2678400s',
    });
  }, 60_000);
});

describe('a bucket', () => {
  test('gets one notification, however often the script runs', async () => {
    const project = openProject();
    for (let turn = 0; turn < 3; turn++) await project.run(SERVICE);
    const { things } = project.read();
    expect(things.notifications?.['gs://exports-bucket']?.topic?.split('\n')).toHaveLength(1);
  }, 60_000);

  test('with a notification to a topic with a similar name gets its own', async () => {
    const project = openProject();
    const topic = '//pubsub.googleapis.com/projects/my-project/topics/drive-courier-exports-old';
    const { things } = project.read();
    const notifications = { 'gs://exports-bucket': { name: 'x', topic } };
    const ran = await openProject({ things: { ...things, notifications } }).run(SERVICE);
    expect(ran).toMatchObject({ code: 0 });
    expect(ran.state.things.notifications?.['gs://exports-bucket']?.topic?.split('\n')).toHaveLength(2);
  }, 60_000);
});

describe('people', () => {
  const person = [...NEEDED.slice(0, 3), '--caller=me@example.com', '--keyless', '--queue=none'];

  test.each([
    ['as a caller', person],
    ['as an operator', [...NEEDED, '--keyless', '--operator=me@example.com']],
  ])('%s are rejected, with the command to impersonate', async (_, options) => {
    const ran = await openProject().run(options);
    expect(ran).toMatchObject({ code: 64, state: { changes: [] } });
    expect(ran.stderr).toContain('--sender user:me@example.com');
    expect(ran.stderr).toContain('--impersonate');
    expect(ran.stderr).toContain('--gcloud-user-tokens');
  });

  test("with --gcloud-user-tokens the courier accepts gcloud's audience, and the risk is explained", async () => {
    const ran = await openProject().run([...person, '--gcloud-user-tokens']);
    expect(ran).toMatchObject({ code: 0 });
    expect(ran.stderr).toMatch(/Warning: .*replay/);
    expect(configOf(ran.state).audiences).toEqual([
      'https://drive-courier-123456789012.europe-west1.run.app',
      '32555940559.apps.googleusercontent.com',
    ]);
    expect(ran.state.policies['run services drive-courier']).toEqual(['roles/run.invoker user:me@example.com ']);
    // The printed command works for a person: it names no account to impersonate.
    expect(ran.stderr).toContain(
      'npx courier send FILE --url https://drive-courier-123456789012.europe-west1.run.app\n',
    );
  }, 60_000);

  test('the command printed at the end works as printed, with the one binding that --sender adds', async () => {
    const ran = await openProject().run([...NEEDED, '--keyless', '--queue=none', '--sender=user:me@example.com']);
    expect(ran).toMatchObject({ code: 0 });
    const printed = [...ran.stderr.matchAll(/npx courier (send FILE|doctor) --url (\S+) --impersonate (\S+)/g)];
    expect(printed.map(([, command]) => command)).toEqual(['send FILE', 'doctor']);
    const config = configOf(ran.state);
    for (const [, command = '', url = '', account = ''] of printed) {
      expect(config.audiences).toContain(url);
      expect(ran.state.policies[`iam service-accounts ${account}`]).toEqual([
        'roles/iam.serviceAccountOpenIdTokenCreator user:me@example.com ',
      ]);
      expect(ran.state.policies['run services drive-courier']).toContain(
        `roles/run.invoker serviceAccount:${account} `,
      );
      if (command === 'doctor') expect(config.operators).toContain(account);
      else expect(config.destinations.default?.callers).toContain(account);
    }
    expect(ran.stderr).not.toContain('Run this command again with --sender');
  }, 60_000);

  test('without --sender it prints which binding is missing', async () => {
    const ran = await openProject().run([...NEEDED, '--keyless', '--queue=none']);
    expect(ran.stderr).toContain('Run this command again with --sender user:owner@example.com');
  }, 60_000);

  test('a sender that is not in IAM’s member format is rejected', async () => {
    const ran = await openProject().run([...NEEDED, '--keyless', '--sender=me@example.com']);
    expect(ran).toMatchObject({ code: 64, stderr: expect.stringContaining('user:EMAIL or group:EMAIL') });
  });
});

describe('the start command', () => {
  test('a service starts node directly, with the flags of dist/package.json; a function as its framework does', async () => {
    const service = (await openProject().run(SERVICE)).state.services['drive-courier'];
    expect(service?.flags['set-build-env-vars']).toBe(`GOOGLE_ENTRYPOINT=${START}`);
    const { services } = (await openProject().run(EVENTS)).state;
    expect(Object.keys(services)).toEqual(['drive-courier', 'drive-courier-events']);
    for (const { flags } of Object.values(services)) expect(flags['set-build-env-vars']).toBeUndefined();
  }, 60_000);

  test('Node gets its security fixes without a deployment', async () => {
    const { services } = (await openProject().run(EVENTS)).state;
    for (const { flags } of Object.values(services))
      expect(flags).toMatchObject({ 'base-image': 'nodejs24', 'automatic-updates': 'true' });
  }, 60_000);

  test('--redeploy deploys without any change', async () => {
    const project = openProject();
    await project.run(SERVICE);
    const again = await project.run([...SERVICE, '--redeploy']);
    expect(again).toMatchObject({ code: 0 });
    expect(again.state.changes).toEqual([expect.stringMatching(/^run deploy drive-courier /)]);
    expect(again.state.services['drive-courier']?.revisions).toHaveLength(2);
  }, 60_000);
});

describe('the copy of the audit lines', () => {
  test.each([
    ['an earlier filter', { filter: 'jsonPayload.audit.outcome:*' }],
    ['another destination', { destination: 'storage.googleapis.com/exports-bucket' }],
  ])(
    'of a run with %s is updated, and only once',
    async (_, earlier) => {
      const options = [...NEEDED, '--keyless', '--queue=none', '--audit-sink=bigquery:audit'];
      const { state } = await openProject().run(options);
      const sink = { ...state.things.sinks?.['drive-courier-audit'], ...earlier };
      const project = openProject({ ...state, things: { ...state.things, sinks: { 'drive-courier-audit': sink } } });
      const again = await project.run(options);
      expect(again).toMatchObject({ code: 0 });
      expect(again.state.changes).toEqual([
        expect.stringMatching(/^logging sinks update drive-courier-audit .*--use-partitioned-tables /),
      ]);
      expect(again.state.things.sinks?.['drive-courier-audit']).toEqual(state.things.sinks?.['drive-courier-audit']);
      expect((await project.run(options)).state.changes).toEqual([]);
    },
    60_000,
  );

  test.each([
    [
      'bigquery:audit',
      'bigquery.googleapis.com/projects/my-project/datasets/audit',
      'projects my-project',
      'roles/bigquery.dataEditor',
    ],
    [
      'gs://exports-bucket',
      'storage.googleapis.com/exports-bucket',
      'storage buckets gs://exports-bucket',
      'roles/storage.objectCreator',
    ],
  ])(
    'goes to %s, with permission to write there',
    async (where, destination, resource, role) => {
      const ran = await openProject().run([...NEEDED, '--keyless', '--queue=none', `--audit-sink=${where}`]);
      expect(ran).toMatchObject({ code: 0 });
      expect(ran.state.things.sinks?.['drive-courier-audit']).toMatchObject({
        destination,
        filter: 'jsonPayload.audit.outcome:* OR jsonPayload.audit.refused:*',
      });
      const writer = 'serviceAccount:service-123456789012@gcp-sa-logging.iam.gserviceaccount.com';
      expect(ran.state.policies[resource]).toContainEqual(expect.stringMatching(`^${role} ${writer} `));
    },
    60_000,
  );
});
