import { afterAll, describe, expect, test } from '@jest/globals';
import { readConfig } from '../../src/config/config.ts';
import { NEEDED, startDeployScripts, WAYS } from '../support/deploy/deploy-scripts.ts';
import type { ProjectState } from '../support/deploy/gcloud/state.ts';
import { hasGcloud, lintGcloud } from '../support/deploy/gcloud-lint.ts';

const scripts = await startDeployScripts();
afterAll(() => scripts.close());
const { openProject } = scripts;

/** The content of a project, without the record of changes. */
const resourcesOf = ({ things, policies, services, apis }: ProjectState) => ({ things, policies, services, apis });
const allCalls: string[][] = [];
const DOWN = ['teardown', '--project=my-project', '--region=europe-west1', '--yes'];

describe.each(Object.entries(WAYS))('%s', (way, options) => {
  test('is set up completely in a new project, and a second run changes nothing', async () => {
    const project = openProject();
    const first = await project.run(options);
    expect(first).toMatchObject({ code: 0 });
    expect(first.stderr).toContain('share the folder with');
    expect(first.stderr).toContain('deploy/monitoring/apply.sh my-project');
    expect(first.state.changes.length).toBeGreaterThan(8);

    const second = await project.run(options);
    expect(second).toMatchObject({ code: 0, stdout: '' });
    expect(second.state.changes).toEqual([]);
    expect(resourcesOf(second.state)).toEqual(resourcesOf(first.state));
    allCalls.push(...first.state.calls);
  }, 120_000);

  test('is completed by another run, wherever the first one was interrupted', async () => {
    const whole = (await openProject().run(options)).state;
    const count = whole.changes.length;
    // One variant is interrupted at each step, the others at some steps.
    const each = Array.from({ length: count }, (_, index) => index + 1);
    const cuts = way === 'a service with a key' ? each : [Math.ceil(count / 2), count - 1, count];
    const cutAt = async (change: number): Promise<void> => {
      const project = openProject();
      const cut = await project.run(options, { change, after: change % 2 === 1 });
      expect(cut).toMatchObject({ code: 1, stderr: expect.stringContaining('run the same command again') });
      const again = await project.run(options);
      expect({ change, code: again.code, stderr: again.stderr }).toMatchObject({ change, code: 0 });
      const { things, policies, services } = resourcesOf(again.state);
      // A key whose response was lost is reported and replaced.
      expect({ ...things, keys: {} }).toEqual({ ...whole.things, keys: {} });
      expect({ change, policies }).toEqual({ change, policies: whole.policies });
      expect(Object.values(services).map(({ digest }) => digest)).toEqual(
        Object.values(whole.services).map(({ digest }) => digest),
      );
    };
    // Two at a time: each is a chain of short processes.
    const half = Math.ceil(cuts.length / 2);
    const inTurn = async (some: readonly number[]): Promise<void> => {
      for (const change of some) await cutAt(change);
    };
    await Promise.all([inTurn(cuts.slice(0, half)), inTurn(cuts.slice(half))]);
  }, 480_000);

  test('is removed completely except for the ledger and earlier resources, and can be set up again', async () => {
    const project = openProject();
    await project.run(options);
    const first = await project.run(DOWN);
    expect(first).toMatchObject({ code: 0 });
    const { databases, ttls, buckets, accounts, notifications: _n, keys: _k, ...rest } = first.state.things;
    expect(Object.values(rest).flatMap((things) => Object.keys(things))).toEqual([]);
    expect(first.state.services).toEqual({});
    // Others may use the callers' accounts too.
    expect(Object.keys(accounts ?? {})).toContain('report-job@my-project.iam.gserviceaccount.com');
    expect([databases, ttls, buckets].map((things) => Object.keys(things ?? {}).length)).toEqual([1, 1, 1]);
    const left = first.state.policies['projects my-project'] ?? [];
    expect(left.filter((binding) => /drive-courier|gcp-sa-logging/.test(binding))).toEqual([]);
    const second = await project.run(DOWN);
    expect(second).toMatchObject({ code: 0 });
    expect(second.state.changes).toEqual([]);
    allCalls.push(...first.state.calls);

    const again = await project.run(options);
    expect(again).toMatchObject({ code: 0 });
    expect(Object.keys(again.state.services).length).toBeGreaterThan(0);
    expect(await project.run(options)).toMatchObject({ code: 0, stdout: '' });
  }, 120_000);

  test('--dry-run prints what a run would do, and runs nothing', async () => {
    const project = openProject();
    const dry = await project.run([...options, '--dry-run']);
    expect(dry).toMatchObject({ code: 0 });
    expect(dry.state.calls).toEqual([]);
    const printed = dry.stdout.split('\n').filter((line) => line.startsWith('gcloud '));
    const real = (await openProject().run(options)).stdout.split('\n').filter((line) => line.startsWith('gcloud '));
    const command = (line: string): string => line.replace(/ --.*$/, '').replace(/ enable .*/, ' enable');
    expect(printed.map(command)).toEqual(real.map(command));
  }, 120_000);
});

test('the courier accepts the configuration that it deploys', async () => {
  for (const options of Object.values(WAYS)) {
    const { state } = await openProject().run(options);
    for (const { environment } of Object.values(state.services)) {
      const [, project = '', document = ''] =
        /^GOOGLE_CLOUD_PROJECT: (.+)\nCOURIER_CONFIG: \|\n {2}(.+)\n$/.exec(environment) ?? [];
      const config = readConfig({ COURIER_CONFIG: document, GOOGLE_CLOUD_PROJECT: project });
      expect(config.audiences).toEqual(['https://drive-courier-123456789012.europe-west1.run.app']);
      expect(config.identity).toBe('cloud-run-iam');
      expect(config.limits.concurrentUploads).toBe(80);
      expect(config.destinations.default).toMatchObject({
        folder: '0AFolderFolderFolder',
        callers: ['report-job@my-project.iam.gserviceaccount.com'],
        sources: options.includes('--source=gs://exports-bucket/ready/') ? ['gs://exports-bucket/ready/'] : [],
      });
      // Objects that the bucket announces may be delivered by the queue, and in no other way.
      const { subscriptions, eventSources } = config.pubsub;
      const pushed = [...Object.values(subscriptions).flatMap(({ sources }) => sources), ...eventSources];
      expect(pushed).toEqual(options.includes('--bucket=exports-bucket') ? ['gs://exports-bucket/'] : []);
    }
  }
}, 120_000);

test('every service has the platform check its callers, since the courier relies on that', async () => {
  for (const options of Object.values(WAYS)) {
    const { state } = await openProject().run(options);
    const deployments = state.calls.filter(([group, verb]) => group === 'run' && verb === 'deploy');
    expect(deployments.length).toBeGreaterThan(0);
    for (const call of deployments) {
      expect(call).toEqual(expect.arrayContaining(['--no-allow-unauthenticated', '--invoker-iam-check']));
    }
  }
}, 120_000);

test('the key is in the secret, and nowhere else', async () => {
  const { state, stdout, stderr } = await openProject().run(WAYS['a service with a key'] ?? []);
  expect(state.things.secrets?.['drive-courier-key']?.version).toBe('1');
  expect(JSON.stringify([stdout, stderr, state])).not.toContain('THE-PRIVATE-KEY');
}, 60_000);

test('each account has exactly its roles', async () => {
  const { state } = await openProject().run([...(WAYS['a service with a key'] ?? []), '--sender=user:me@example.com']);
  const roles = Object.entries(state.policies).flatMap(([resource, bindings]) =>
    bindings.map((binding) => {
      const [role = '', member = ''] = binding.split(' ');
      return `${member.replace(/^\w+:|@.*$/g, '')}: ${role} on ${resource}`;
    }),
  );
  expect(roles.sort()).toEqual(
    [
      'drive-courier-build: roles/run.builder on projects my-project',
      'drive-courier-push: roles/run.invoker on run services drive-courier',
      'drive-courier-run: roles/datastore.user on projects my-project',
      'drive-courier-run: roles/pubsub.publisher on pubsub topics drive-courier-exports',
      'drive-courier-run: roles/pubsub.publisher on pubsub topics drive-courier-failed',
      'drive-courier-run: roles/secretmanager.secretAccessor on secrets drive-courier-key',
      'drive-courier-run: roles/storage.objectViewer on storage buckets gs://exports-bucket',
      'report-job: roles/run.invoker on run services drive-courier',
      'me: roles/iam.serviceAccountOpenIdTokenCreator on iam service-accounts courier-ops@my-project.iam.gserviceaccount.com',
      'me: roles/iam.serviceAccountOpenIdTokenCreator on iam service-accounts report-job@my-project.iam.gserviceaccount.com',
      'courier-ops: roles/run.invoker on run services drive-courier',
      'service-123456789012: roles/iam.serviceAccountTokenCreator on iam service-accounts drive-courier-push@my-project.iam.gserviceaccount.com',
      'service-123456789012: roles/pubsub.publisher on pubsub topics drive-courier-exports',
      'service-123456789012: roles/pubsub.publisher on pubsub topics drive-courier-failed',
      'service-123456789012: roles/pubsub.subscriber on pubsub subscriptions drive-courier-exports',
    ].sort(),
  );
}, 60_000);

if (!hasGcloud) console.warn('SKIPPED: no gcloud here, so it does not judge the commands of deploy.sh.');
(hasGcloud ? test : test.skip)(
  'gcloud itself finds every command in order',
  async () => {
    allCalls.push(...(await openProject().run(['rollback', ...NEEDED.slice(0, 2)])).state.calls);
    const quoted = (text: string): string => (/^[\w@%+=:,./-]+$/.test(text) ? text : `'${text}'`);
    const printable = (argv: readonly string[]): string =>
      [
        'gcloud',
        ...argv.map((word) => word.replace(/^(--[\w-]+=)?([\s\S]*)$/, (_, flag = '', value) => flag + quoted(value))),
      ].join(' ');
    const commands = [
      ...new Map(allCalls.map((argv) => [argv.join(' ').replace(/=\S+/g, ''), printable(argv)])).values(),
    ];
    expect(commands.length).toBeGreaterThan(40);
    expect(await lintGcloud(commands)).toEqual([]);
  },
  // It takes a second for each command on a busy machine.
  400_000,
);
