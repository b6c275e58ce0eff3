import { execFile, spawnSync } from 'node:child_process';
import { chmodSync, globSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, describe, expect, test } from '@jest/globals';
import { readConfig } from '../../src/config.ts';
import { hasGcloud, lintGcloud } from '../support/gcloud-lint.ts';
import { emptyProject, type ProjectState, startRecordingGcloud } from '../support/recording-gcloud.ts';

const execute = promisify(execFile);
const root = join(import.meta.dirname, '../..');
const folder = mkdtempSync(join(tmpdir(), 'courier-deploy-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** The scripts beside a dist/ that stands for a built one. */
mkdirSync(join(folder, 'dist'));
writeFileSync(join(folder, 'dist', 'server.js'), '// built');
spawnSync('cp', ['-r', join(root, 'deploy'), folder]);
const bin = join(folder, 'bin');
mkdirSync(bin);
const gcloud = await startRecordingGcloud(join(bin, 'gcloud'));
afterAll(() => gcloud.close());

const NEEDED = [
  '--project=my-project',
  '--region=europe-west1',
  '--folder=0AFolderFolderFolder',
  '--caller=job@my-project.iam.gserviceaccount.com',
];
/** `--name=value` is for reading; the script takes two words. */
const words = (options: readonly string[]): string[] => options.flatMap((option) => option.split('='));

interface Ran {
  code: number;
  stdout: string;
  stderr: string;
  state: ProjectState;
}

let projects = 0;

/** One project, as its scripts leave it. */
const openProject = (start: Partial<ProjectState> = {}) => {
  const name = String(++projects);
  gcloud.projects.set(name, { ...emptyProject(), ...start });
  const read = (): ProjectState => structuredClone(gcloud.projects.get(name) ?? emptyProject());
  return {
    read,
    /** Changes are counted, and faults come, anew for each run. */
    async run(options: readonly string[], fault?: ProjectState['fault']): Promise<Ran> {
      const { fault: _, ...state } = read();
      gcloud.projects.set(name, { ...state, changes: [], calls: [], ...(fault === undefined ? {} : { fault }) });
      const scratch = mkdtempSync(join(folder, 'tmp-'));
      const env = {
        PATH: `${bin}:${process.env.PATH}`,
        FAKE_PROJECT: name,
        FAKE_GCLOUD_PORT: gcloud.port,
        TMPDIR: scratch,
        DEPLOY_PAUSE_SECONDS: '0',
      };
      const ran = await execute('bash', [join(folder, 'deploy/deploy.sh'), ...words(options)], { env }).then(
        ({ stdout, stderr }) => ({ code: 0, stdout, stderr }),
        ({ code, stdout, stderr }) => ({ code: Number(code), stdout: String(stdout), stderr: String(stderr) }),
      );
      // Nothing of what it wrote is left lying about, least of all a key.
      expect(readdirSync(scratch)).toEqual([]);
      return { ...ran, state: read() };
    },
  };
};

const ways: Record<string, string[]> = {
  'a service with a key': [...NEEDED, '--key', '--bucket=exports-bucket', '--operator=ops@example.com'],
  'a keyless service': [
    ...NEEDED,
    '--keyless',
    '--subject=reports@example.com',
    '--queue=none',
    '--source=gs://exports-bucket/ready/',
  ],
  'a keyless function': [...NEEDED, '--keyless', '--function', '--database=courier-db'],
  'functions with Eventarc': [...NEEDED, '--key', '--function', '--queue=eventarc', '--bucket=exports-bucket'],
};

/** What a project holds, without the record of how it came about. */
const standing = ({ things, policies, apis }: ProjectState) => ({ things, policies, apis });
const allCalls: string[][] = [];

describe.each(Object.entries(ways))('%s', (_, options) => {
  test('is set up whole, and a second run changes nothing', async () => {
    const project = openProject();
    const first = await project.run(options);
    expect(first).toMatchObject({ code: 0 });
    expect(first.stderr).toContain('share the folder with');
    expect(first.stderr).toContain('deploy/monitoring/apply.sh my-project');
    expect(first.state.changes.length).toBeGreaterThan(8);

    const second = await project.run(options);
    expect(second).toMatchObject({ code: 0, stdout: '' });
    expect(second.state.changes).toEqual([]);
    expect(standing(second.state)).toEqual(standing(first.state));
    allCalls.push(...first.state.calls);
  }, 120_000);

  test('is completed by another run, wherever the first one was cut off', async () => {
    const whole = (await openProject().run(options)).state;
    const count = whole.changes.length;
    const cuts = [Math.ceil(count / 4), Math.ceil(count / 2), count - 1, count];
    for (const [turn, change] of cuts.entries()) {
      const project = openProject();
      const cut = await project.run(options, { change, after: turn % 2 === 1 });
      expect(cut).toMatchObject({ code: 1, stderr: expect.stringContaining('run the same command again') });
      const again = await project.run(options);
      expect({ change, code: again.code, stderr: again.stderr }).toMatchObject({ change, code: 0 });
      const { things, policies } = standing(again.state);
      // A key whose answer was lost is told of, and replaced.
      expect({ ...things, keys: {} }).toEqual({ ...whole.things, keys: {} });
      expect(policies).toEqual(whole.policies);
    }
  }, 240_000);

  test('is taken down without a trace but the ledger and what was there before', async () => {
    const project = openProject();
    await project.run(options);
    const down = ['teardown', '--project=my-project', '--region=europe-west1', '--yes'];
    const first = await project.run(down);
    expect(first).toMatchObject({ code: 0 });
    const { databases, ttls, buckets, notifications: _n, keys: _k, ...rest } = first.state.things;
    expect(Object.values(rest).flatMap((things) => Object.keys(things))).toEqual([]);
    expect([databases, ttls, buckets].map((things) => Object.keys(things ?? {}).length)).toEqual([1, 1, 1]);
    expect(first.state.policies['projects my-project']?.filter((binding) => binding.includes('drive-courier'))).toEqual(
      [],
    );
    const second = await project.run(down);
    expect(second).toMatchObject({ code: 0 });
    expect(second.state.changes).toEqual([]);
    allCalls.push(...first.state.calls);
  }, 120_000);

  test('--dry-run prints what a run would do, and runs nothing', async () => {
    const project = openProject();
    const dry = await project.run([...options, '--dry-run']);
    expect(dry).toMatchObject({ code: 0 });
    expect(dry.state.calls).toEqual([]);
    const printed = dry.stdout.split('\n').filter((line) => line.startsWith('gcloud '));
    const real = (await openProject({ apis: [] }).run(options)).stdout
      .split('\n')
      .filter((line) => line.startsWith('gcloud '));
    const command = (line: string): string => line.replace(/ --.*$/, '');
    expect(printed.map(command)).toEqual(real.map(command));
  }, 120_000);
});

test('the configuration that it deploys is one that the courier takes', async () => {
  for (const options of Object.values(ways)) {
    const { state } = await openProject().run(options);
    for (const { environment = '' } of Object.values(state.things.services ?? {})) {
      const [, project = '', document = ''] =
        /^GOOGLE_CLOUD_PROJECT: (.+)\nCOURIER_CONFIG: \|\n {2}(.+)\n$/.exec(environment) ?? [];
      const config = readConfig({ COURIER_CONFIG: document, GOOGLE_CLOUD_PROJECT: project });
      expect(config.audiences).toEqual(['https://drive-courier-123456789012.europe-west1.run.app']);
      expect(config.identity).toBe('cloud-run-iam');
      expect(config.destinations.default).toMatchObject({
        folder: '0AFolderFolderFolder',
        callers: ['job@my-project.iam.gserviceaccount.com'],
        sources: options.includes('--source=gs://exports-bucket/ready/') ? ['gs://exports-bucket/ready/'] : [],
      });
      // What the bucket tells of may come by the queue, and by no other way.
      const { subscriptions, eventSources } = config.pubsub;
      const pushed = [...Object.values(subscriptions).flatMap(({ sources }) => sources), ...eventSources];
      expect(pushed).toEqual(options.includes('--bucket=exports-bucket') ? ['gs://exports-bucket/'] : []);
    }
  }
}, 120_000);

test('every service makes the platform check its callers, for the courier relies on that', async () => {
  for (const options of Object.values(ways)) {
    const { state } = await openProject().run(options);
    const deployments = state.calls.filter(([group, verb]) => group === 'run' && verb === 'deploy');
    expect(deployments.length).toBeGreaterThan(0);
    for (const call of deployments) {
      expect(call).toEqual(expect.arrayContaining(['--no-allow-unauthenticated', '--invoker-iam-check']));
    }
  }
}, 120_000);

test('the key is in the secret, and nowhere that anybody could read it', async () => {
  const { state, stdout, stderr } = await openProject().run(ways['a service with a key'] ?? []);
  expect(state.things.secrets?.['drive-courier-key']?.version).toBe('1');
  expect(JSON.stringify([stdout, stderr, state])).not.toContain('THE-PRIVATE-KEY');
}, 60_000);

test('each account has its roles, and no other', async () => {
  const { state } = await openProject().run(ways['a service with a key'] ?? []);
  const roles = Object.entries(state.policies).flatMap(([resource, bindings]) =>
    bindings.map((binding) => {
      const [role = '', member = ''] = binding.split(' ');
      return `${member.replace(/^\w+:|@.*$/g, '')}: ${role} on ${resource}`;
    }),
  );
  expect(roles.sort()).toEqual([
    'drive-courier-build: roles/run.builder on projects my-project',
    'drive-courier-push: roles/run.invoker on run services drive-courier',
    'drive-courier-run: roles/datastore.user on projects my-project',
    'drive-courier-run: roles/pubsub.publisher on pubsub topics drive-courier-failed',
    'drive-courier-run: roles/secretmanager.secretAccessor on secrets drive-courier-key',
    'drive-courier-run: roles/storage.objectViewer on storage buckets gs://exports-bucket',
    'job: roles/run.invoker on run services drive-courier',
    'ops: roles/run.invoker on run services drive-courier',
    'service-123456789012: roles/pubsub.publisher on pubsub topics drive-courier-exports',
    'service-123456789012: roles/pubsub.publisher on pubsub topics drive-courier-failed',
    'service-123456789012: roles/pubsub.subscriber on pubsub subscriptions drive-courier-exports',
  ]);
}, 60_000);

describe('what is wrong is said in words that help', () => {
  const options = ways['a service with a key'] ?? [];
  test.each<[string, ProjectState['fault'], number, RegExp]>([
    [
      'a role is missing',
      { refuse: 'secrets create', words: 'PERMISSION_DENIED: Permission denied' },
      77,
      /owner@example\.com may not do this in project my-project[\s\S]*again/,
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
      /may not do this/,
    ],
    [
      'the network is down',
      { refuse: 'pubsub topics create', words: 'There was a problem: Unable to find the server.' },
      1,
      /run the same command again/,
    ],
  ])(
    '%s',
    async (_, fault, code, words) => {
      const ran = await openProject().run(options, fault);
      expect(ran.stderr).toMatch(words);
      expect(ran.code).toBe(code);
    },
    60_000,
  );

  test.each<[string, string[], RegExp]>([
    ['no way to write', [...NEEDED], /--keyless, or --key/],
    ['two ways to write', [...NEEDED, '--key', '--keyless'], /not both/],
    ['no project', NEEDED.slice(1).concat('--key'), /in which project/],
    ['no caller', [...NEEDED.slice(0, 3), '--key'], /at least one --caller/],
    [
      'a folder that is an address',
      [...NEEDED.slice(0, 2), '--folder=https://drive.google.com/drive/folders/x', NEEDED[3] ?? '', '--key'],
      /no folder id/,
    ],
    ['a caller with quotes', [...NEEDED, '--caller=a"b@example.com', '--key'], /no email address/],
    ['an unknown word', [...NEEDED, '--key', '--frobnicate=1'], /what is "--frobnicate"/],
    ['an option without its value', [...NEEDED, '--key', '--bucket'], /--bucket needs a value/],
    ['a bucket without a queue', [...NEEDED, '--key', '--bucket=abc', '--queue=none'], /needs a queue/],
    ['a teardown that nobody confirmed', ['teardown', '--project=my-project', '--region=europe-west1'], /--yes/],
  ])('%s', async (_, options, words) => {
    const ran = await openProject().run(options);
    expect(ran.stderr).toMatch(words);
    expect(ran).toMatchObject({ code: 64, state: { changes: [] } });
  });

  test('there is no such project', async () => {
    const ran = await openProject().run(['--project=no-such-project', ...NEEDED.slice(1), '--key']);
    expect(ran).toMatchObject({ code: 77, stderr: expect.stringContaining('project no-such-project') });
  });

  test('the Firestore database is of the other kind', async () => {
    const project = openProject();
    const start = {
      ...project.read(),
      things: { ...project.read().things, databases: { '(default)': { type: 'DATASTORE_MODE' } } },
    };
    const ran = await openProject(start).run(options);
    expect(ran).toMatchObject({ code: 69, stderr: expect.stringContaining('--database') });
  }, 60_000);

  test('there is no gcloud', async () => {
    const empty = mkdtempSync(join(folder, 'no-gcloud-'));
    for (const name of ['bash', 'mktemp', 'rm', 'dirname', 'cat', 'sed', 'grep']) {
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
      env: { PATH: `${bin}:${process.env.PATH}`, FAKE_GCLOUD_PORT: gcloud.port },
    });
    expect(ran).toMatchObject({ status: 69, stderr: expect.stringContaining('npm run build') });
  });
});

const hasShellcheck = spawnSync('shellcheck', ['--version']).status === 0;
if (!hasShellcheck) console.warn('SKIPPED: no shellcheck here, so it does not judge deploy.sh and the other scripts.');
(hasShellcheck ? test : test.skip)('shellcheck finds nothing in any script', async () => {
  const scripts = globSync(['deploy/**/*.sh', 'examples/**/*.sh', '.ci/run'], { cwd: root });
  expect(scripts).toEqual(expect.arrayContaining(['deploy/deploy.sh', 'deploy/steps/run.sh', 'examples/curl/send.sh']));
  await execute('shellcheck', ['-x', '--source-path=SCRIPTDIR', ...scripts], { cwd: root });
});

if (!hasGcloud) console.warn('SKIPPED: no gcloud here, so it does not judge the commands of deploy.sh.');
(hasGcloud ? test : test.skip)(
  'gcloud itself finds every command in order',
  async () => {
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
  120_000,
);
