import { spawnSync } from 'node:child_process';
import { chmodSync, globSync, mkdtempSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from '@jest/globals';
import { NEEDED, startDeployScripts, WAYS, words } from '../support/deploy/deploy-scripts.ts';
import type { ProjectState } from '../support/deploy/gcloud/state.ts';

const root = join(import.meta.dirname, '../..');
const scripts = await startDeployScripts();
afterAll(() => scripts.close());
const { openProject, folder } = scripts;
const SERVICE = WAYS['a service with a key'] ?? [];
const SIMPLE = [...NEEDED, '--keyless', '--queue=none'];

describe('errors are reported with helpful messages', () => {
  test.each<[string, ProjectState['fault'], number, RegExp]>([
    [
      'a role is missing',
      { refuse: 'secrets create', words: 'PERMISSION_DENIED: Permission denied' },
      77,
      /owner@example\.com lacks a permission in project my-project[\s\S]*again/,
    ],
    [
      'keys are forbidden',
      {
        refuse: 'iam service-accounts keys create',
        words: 'FAILED_PRECONDITION: Key creation is not allowed on this service account.',
      },
      77,
      /Use --keyless/,
    ],
    [
      'there is no billing account',
      { refuse: 'services enable', words: 'FAILED_PRECONDITION: Billing account for project is not found.' },
      69,
      /no billing account\. Link one: https/,
    ],
    [
      'nobody is logged in',
      { refuse: 'projects describe', words: 'You do not currently have an active account selected.' },
      77,
      /gcloud auth login/,
    ],
    [
      'seeing is not allowed',
      { refuse: 'secrets describe', words: 'PERMISSION_DENIED: Permission denied on resource (or it may not exist).' },
      77,
      /lacks a permission/,
    ],
    [
      'the network is down',
      { refuse: 'pubsub topics create', words: 'There was a problem: Unable to find the server.' },
      1,
      /run the same command again/,
    ],
    [
      'the new revision is not ready',
      {
        refuse: 'run deploy',
        words:
          "Revision 'drive-courier-00002-abc' is not ready and cannot serve traffic. The user-provided container failed the configured startup probe checks.",
      },
      1,
      /revision before it keeps serving[\s\S]*gcloud logging read/,
    ],
  ])(
    '%s',
    async (_, fault, code, text) => {
      const ran = await openProject().run(SERVICE, fault);
      expect(ran.stderr).toMatch(text);
      expect(ran.code).toBe(code);
    },
    60_000,
  );

  test.each<[string, string[], RegExp]>([
    ['no way to write', [...NEEDED], /--keyless or --key/],
    ['two ways to write', [...NEEDED, '--key', '--keyless'], /exclude each other/],
    ['no project', NEEDED.slice(1).concat('--key'), /no project/],
    ['no caller', [...NEEDED.slice(0, 3), '--key'], /at least one --caller/],
    [
      'a folder that is an address',
      [...NEEDED.slice(0, 2), '--folder=https://drive.google.com/drive/folders/x', NEEDED[3] ?? '', '--key'],
      /not a valid folder id/,
    ],
    ['a caller with quotes', [...NEEDED, '--caller=a"b@example.com', '--key'], /not a valid email address/],
    [
      'a caller whose account could not be made',
      [...NEEDED, '--caller=job@my-project.iam.gserviceaccount.com', '--key'],
      /"job" is not a valid service account id/,
    ],
    ['an unknown word', [...NEEDED, '--key', '--frobnicate=1'], /unknown option "--frobnicate"/],
    ['an option without its value', [...NEEDED, '--key', '--bucket'], /--bucket needs a value/],
    ['a bucket without a queue', [...NEEDED, '--key', '--bucket=abc', '--queue=none'], /requires a queue/],
    ['a teardown that nobody confirmed', ['teardown', ...NEEDED.slice(0, 2)], /--yes/],
    ['memory of an unknown size', [...SIMPLE, '--memory=1G'], /not a valid memory size/],
    ['too little memory for the uploads', [...SIMPLE, '--memory=512Mi', '--concurrency=500'], /increase --memory/],
    ['more memory than the processors may have', [...SIMPLE, '--memory=8Gi'], /--cpu 2 or more/],
    ['more processors than the memory may have', [...SIMPLE, '--memory=1Gi', '--cpu=4'], /at least 2048Mi/],
    ['more instances at least than at most', [...SIMPLE, '--min-instances=3', '--max-instances=2'], /exceeds --max/],
    ['an unknown ingress', [...SIMPLE, '--ingress=none'], /not a valid ingress/],
    ['labels that are none', [...SIMPLE, '--labels=Team=x'], /not a valid list of labels/],
    ['an egress without a network', [...SIMPLE, '--vpc-egress=all-traffic'], /--vpc-network/],
    ['a sink that is none', [...SIMPLE, '--audit-sink=table'], /bigquery:DATASET or gs/],
  ])('%s', async (_, options, text) => {
    const ran = await openProject().run(options);
    expect(ran.stderr).toMatch(text);
    expect(ran).toMatchObject({ code: 64, state: { changes: [] } });
  });

  test('a project that does not exist', async () => {
    const ran = await openProject().run(['--project=no-such-project', ...NEEDED.slice(1), '--key']);
    expect(ran).toMatchObject({ code: 77, stderr: expect.stringContaining('project no-such-project') });
  });

  test('a Firestore database of the wrong type', async () => {
    const { things, apis } = openProject().read();
    const start = {
      apis: [...apis, 'firestore.googleapis.com'],
      things: { ...things, databases: { '(default)': { type: 'DATASTORE_MODE' } } },
    };
    const ran = await openProject(start).run(SERVICE);
    expect(ran).toMatchObject({ code: 69, stderr: expect.stringContaining('--database') });
  }, 60_000);

  test('no gcloud is installed', async () => {
    const empty = mkdtempSync(join(folder, 'no-gcloud-'));
    for (const name of ['bash', 'mktemp', 'rm', 'dirname', 'cat', 'sed', 'grep', 'head']) {
      const { stdout } = spawnSync('sh', ['-c', `command -v ${name}`], { encoding: 'utf8' });
      writeFileSync(join(empty, name), `#!/bin/sh\nexec ${stdout.trim()} "$@"\n`);
      chmodSync(join(empty, name), 0o755);
    }
    const ran = spawnSync(join(empty, 'bash'), [join(folder, 'deploy/deploy.sh'), ...words([...NEEDED, '--key'])], {
      encoding: 'utf8',
      env: { PATH: empty },
    });
    expect(ran).toMatchObject({ status: 69, stderr: expect.stringContaining('cloud.google.com/sdk/docs/install') });
  });

  test('nothing was built', async () => {
    const other = mkdtempSync(join(folder, 'unbuilt-'));
    spawnSync('cp', ['-r', join(root, 'deploy'), other]);
    const ran = spawnSync('bash', [join(other, 'deploy/deploy.sh'), ...words([...NEEDED, '--key'])], {
      encoding: 'utf8',
      env: scripts.env,
    });
    expect(ran).toMatchObject({ status: 69, stderr: expect.stringContaining('npm run build') });
  });
});

describe('the configuration is checked before any change', () => {
  const config = (text: string): string => {
    const path = join(mkdtempSync(join(folder, 'config-')), 'courier.yaml');
    writeFileSync(path, text);
    return path;
  };
  const GOOD = `
audiences: [https://drive-courier-123456789012.europe-west1.run.app]
identity: cloud-run-iam
destinations:
  reports: {folder: 0AFolderFolderFolder, credentials: main, callers: [report-job@my-project.iam.gserviceaccount.com]}
credentials: {main: {impersonate: drive-courier-drive@my-project.iam.gserviceaccount.com}}
ledger: {firestore: {database: (default)}}
limits: {concurrentUploads: 40}
`;

  test('an invalid file is rejected with all its errors', async () => {
    const path = config('audiences: []\ndestinations: {reports: {folder: x, callers: []}}\n');
    const ran = await openProject().run([...SIMPLE, `--config=${path}`]);
    expect(ran).toMatchObject({ code: 78, state: { changes: [] } });
    expect(ran.stderr).toContain('audiences');
    expect(ran.stderr).toContain('callers');
    expect(ran.stderr).toContain('Nothing was changed');
  });

  test('a valid one is deployed unchanged, and sets the concurrency', async () => {
    const ran = await openProject().run([...SIMPLE, `--config=${config(GOOD)}`]);
    expect(ran).toMatchObject({ code: 0 });
    const service = ran.state.services['drive-courier'];
    expect(service?.environment).toContain('concurrentUploads: 40');
    expect(service?.flags.concurrency).toBe('40');
  }, 60_000);

  test('a concurrency that differs from the configuration is rejected', async () => {
    const ran = await openProject().run([...SIMPLE, `--config=${config(GOOD)}`, '--concurrency=80']);
    expect(ran).toMatchObject({ code: 64, stderr: expect.stringContaining('concurrentUploads 40') });
  });

  test('buffers that are too small for it are rejected', async () => {
    const small = GOOD.replace('concurrentUploads: 40', 'concurrentUploads: 40, bufferBytes: 1048576');
    const ran = await openProject().run([...SIMPLE, `--config=${config(small)}`]);
    expect(ran).toMatchObject({ code: 64, stderr: expect.stringContaining('the buffers, 1 MiB') });
  });
});

test('its size is the requested one, also in the configuration', async () => {
  const ran = await openProject().run([
    ...SIMPLE,
    '--memory=4Gi',
    '--cpu=2',
    '--concurrency=32',
    '--min-instances=1',
    '--max-instances=5',
    '--ingress=internal-and-cloud-load-balancing',
    '--labels=team=reports,env=prod',
    '--vpc-network=main',
    '--vpc-subnet=jobs',
    '--vpc-egress=all-traffic',
    '--ready-probe',
  ]);
  expect(ran).toMatchObject({ code: 0 });
  const service = ran.state.services['drive-courier'];
  expect(service?.flags).toMatchObject({
    memory: '4Gi',
    cpu: '2',
    concurrency: '32',
    'min-instances': '1',
    'max-instances': '5',
    ingress: 'internal-and-cloud-load-balancing',
    network: 'main',
    subnet: 'jobs',
    'vpc-egress': 'all-traffic',
    'startup-probe': expect.stringMatching(/^httpGet\.path=\/v1\/ready,httpGet\.port=8080,/),
  });
  expect(service?.labels).toEqual({ team: 'reports', env: 'prod' });
  expect(service?.environment).toContain('"limits":{"concurrentUploads":32}');
}, 60_000);

test('a startup probe waits longer than /v1/ready waits for Google, within the limits of Cloud Run', async () => {
  const { state } = await openProject().run([...SIMPLE, '--ready-probe']);
  const { timeoutSeconds, periodSeconds, failureThreshold } = Object.fromEntries(
    String(state.services['drive-courier']?.flags['startup-probe'])
      .split(',')
      .map((pair) => pair.split('='))
      .map(([name = '', value]) => [name, Number(value)]),
  );
  // /v1/ready gives up after 25 seconds.
  expect(timeoutSeconds).toBeGreaterThanOrEqual(30);
  expect(periodSeconds).toBeGreaterThanOrEqual(timeoutSeconds ?? 0);
  expect((periodSeconds ?? 0) * (failureThreshold ?? 0)).toBeLessThanOrEqual(240);
}, 60_000);

test('only COURIER_COMMIT is passed from the deployer’s environment to the service', async () => {
  const project = openProject();
  const plain = await project.run(SIMPLE);
  expect(plain.state.services['drive-courier']?.environment).not.toContain('COURIER_COMMIT');
  try {
    scripts.env.COURIER_COMMIT = '0123abc';
    const withCommit = await project.run(SIMPLE);
    expect(withCommit.state.services['drive-courier']?.environment).toContain('COURIER_COMMIT: "0123abc"\n');
    scripts.env.COURIER_COMMIT = 'a"\nPORT: 1';
    expect(await project.run(SIMPLE)).toMatchObject({ code: 64 });
  } finally {
    delete scripts.env.COURIER_COMMIT;
  }
}, 60_000);

test('without --ready-probe a revision is ready when its port is open, regardless of its earlier probe', async () => {
  const project = openProject();
  await project.run([...SIMPLE, '--ready-probe']);
  const { state } = await project.run(SIMPLE);
  expect(state.services['drive-courier']?.flags['startup-probe']).toMatch(/^tcpSocket\.port=8080,/);
}, 60_000);

const hasShellcheck = spawnSync('shellcheck', ['--version']).status === 0;
if (!hasShellcheck) console.warn('SKIPPED: no shellcheck here, so it does not judge deploy.sh and the other scripts.');
(hasShellcheck ? test : test.skip)(
  'shellcheck finds nothing in any script',
  () => {
    const files = globSync(['deploy/**/*.sh', 'examples/**/*.sh', '.ci/run'], { cwd: root });
    expect(files).toEqual(expect.arrayContaining(['deploy/deploy.sh', 'deploy/steps/run.sh', 'examples/curl/send.sh']));
    const { stdout } = spawnSync('shellcheck', ['-x', '--source-path=SCRIPTDIR', ...files], {
      cwd: root,
      encoding: 'utf8',
    });
    expect(stdout).toBe('');
  },
  60_000,
);
