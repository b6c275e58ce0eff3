import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, expect, test } from '@jest/globals';
import { startDeployScripts } from '../support/deploy/deploy-scripts.ts';
import { emptyProject, type ProjectState } from '../support/deploy/gcloud/state.ts';
import { hasGcloud, lintGcloud } from '../support/deploy/gcloud-lint.ts';

const scripts = await startDeployScripts();
afterAll(() => scripts.close());

const APPLY = 'deploy/monitoring/apply.sh';
const EXPECT = 'deploy/monitoring/expect-delivery.sh';
const CHANNEL = 'projects/my-project/notificationChannels/1';
const count = (folder: string): number => readdirSync(join(scripts.folder, 'deploy/monitoring', folder)).length;

/** A project in its first minutes, in which each alert policy on a new metric fails this often. */
const open = (metric = 0) => scripts.openProject({ lags: { ...emptyProject().lags, metric } });
type Project = ReturnType<typeof open>;
const apply = (project: Project, ...args: string[]) => project.run(args, undefined, APPLY);
/** What is in the project, without the names that Monitoring chooses. */
const contentOf = ({ monitoring: { metrics, dashboards, policies } }: ProjectState) =>
  [metrics, dashboards, policies].map((things) =>
    Object.values(things)
      .map(({ name: _, etag: __, ...rest }) => JSON.stringify(rest))
      .sort(),
  );
const verbs = (changes: readonly string[]): string[] =>
  changes.map((change) => change.split(' ').slice(0, 3).join(' '));

test('it creates every metric, the dashboard and every alert in the given project', async () => {
  const project = open();
  const { code, state, stderr } = await apply(project, 'my-project', CHANNEL);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  expect(Object.keys(state.monitoring.metrics)).toHaveLength(count('log-metrics'));
  expect(Object.keys(state.monitoring.dashboards)).toHaveLength(1);
  const policies = Object.values(state.monitoring.policies);
  expect(policies).toHaveLength(count('alerts'));
  expect(policies.every(({ notificationChannels }) => String(notificationChannels) === CHANNEL)).toBe(true);
  expect(state.calls.every((call) => call.includes('--project=my-project'))).toBe(true);
  // A second run changes nothing.
  const again = await apply(project, 'my-project', CHANNEL);
  expect(again).toMatchObject({ code: 0, stdout: '', state: { changes: [] } });
}, 120_000);

test('metrics that Monitoring does not know yet are waited for with a notice', async () => {
  const project = open(4);
  const ran = await apply(project, 'my-project', CHANNEL);
  expect(ran).toMatchObject({ code: 0, state: { lags: { metric: 0 } } });
  expect(ran.stderr).toContain('Waiting: Monitoring does not know a new metric yet.');
  expect(Object.keys(ran.state.monitoring.policies)).toHaveLength(count('alerts'));
}, 120_000);

test('a metric that never appears is reported, and the next run continues', async () => {
  const project = open(1_000_000);
  const ran = await apply(project, 'my-project');
  expect(ran.code).toBe(1);
  expect(ran.stderr).toMatch(/Waited \d+ minutes because Monitoring does not know a new metric yet/);
  const withoutLags = scripts.openProject({ ...project.read(), lags: emptyProject().lags });
  expect(await apply(withoutLags, 'my-project')).toMatchObject({ code: 0 });
}, 120_000);

test('another run completes it, at whatever point the first one was interrupted', async () => {
  const whole = (await apply(open(), 'my-project', CHANNEL)).state;
  expect(whole.changes.length).toBeGreaterThan(10);
  for (let change = 1; change <= whole.changes.length; change++) {
    const project = open();
    const cut = await project.run(['my-project', CHANNEL], { change, after: change % 2 === 0 }, APPLY);
    expect({ change, code: cut.code }).toEqual({ change, code: 1 });
    const again = await apply(project, 'my-project', CHANNEL);
    expect({ change, code: again.code, stderr: again.stderr }).toEqual({ change, code: 0, stderr: '' });
    expect(contentOf(again.state)).toEqual(contentOf(whole));
  }
}, 480_000);

test('only differences are updated, and an operator’s own settings remain', async () => {
  const project = open();
  await apply(project, 'my-project', CHANNEL);
  const { monitoring } = project.read();
  const [policy = '', other = ''] = Object.keys(monitoring.policies);
  const [dashboard = ''] = Object.keys(monitoring.dashboards);
  Object.assign(monitoring.policies[policy] ?? {}, { severity: 'CRITICAL', enabled: false });
  Object.assign(monitoring.policies[other] ?? {}, { enabled: false });
  Object.assign(monitoring.dashboards[dashboard] ?? {}, { mosaicLayout: { columns: 1 } });
  Object.assign(monitoring.metrics['courier-deliveries'] ?? {}, { filter: 'severity=ERROR' });
  const changed = scripts.openProject({ ...project.read(), monitoring });

  const ran = await apply(changed, 'my-project');
  expect(ran.code).toBe(0);
  expect(verbs(ran.state.changes)).toEqual([
    'logging metrics update',
    'monitoring dashboards update',
    'monitoring policies update',
  ]);
  const after = ran.state.monitoring.policies[policy];
  expect(after).toMatchObject({ enabled: false, notificationChannels: [CHANNEL] });
  expect(after?.severity).not.toBe('CRITICAL');
  expect(await apply(changed, 'my-project')).toMatchObject({ code: 0, state: { changes: [] } });
}, 120_000);

test('a channel that is added later reaches every policy', async () => {
  const project = open();
  const first = await apply(project, 'my-project');
  expect(first.stderr).toContain('again with a NOTIFICATION_CHANNEL');
  const ran = await apply(project, 'my-project', CHANNEL);
  expect(verbs(ran.state.changes)).toEqual(Array(count('alerts')).fill('monitoring policies update'));
  for (const { notificationChannels } of Object.values(ran.state.monitoring.policies))
    expect(notificationChannels).toEqual([CHANNEL]);
}, 120_000);

test('the budget of Drive units is the operator’s value, in the chart and in its alert', async () => {
  const project = open();
  await apply(project, 'my-project');
  const ran = await apply(project, 'my-project', '--units-a-day', '5000000');
  expect(verbs(ran.state.changes).sort()).toEqual(['monitoring dashboards update', 'monitoring policies update']);
  const { dashboards, policies } = ran.state.monitoring;
  expect(JSON.stringify(dashboards)).toContain('"value":5000000}');
  expect(JSON.stringify(policies)).toContain('> 5000000"');
  expect(JSON.stringify([dashboards, policies])).not.toContain('300000000');
}, 120_000);

test('logging and monitoring are enabled if they are off', async () => {
  const ran = await apply(scripts.openProject({ apis: [] }), 'my-project');
  expect(ran).toMatchObject({ code: 0 });
  expect(ran.state.apis.sort()).toEqual(['logging.googleapis.com', 'monitoring.googleapis.com']);
}, 120_000);

test.each([
  [[], /Usage: /],
  [['my-project', 'no-channel'], /notificationChannels/],
  [['my-project', '--units-a-day', 'many'], /--units-a-day/],
])('%j prints the usage', async (args, words) => {
  expect(await apply(open(), ...args)).toMatchObject({ code: 64, stderr: expect.stringMatching(words) });
});

const WANTED = ['--project', 'my-project', '--destination', 'reports', '--by', '07:30'];
const expectDelivery = (project: Project, ...args: string[]) => project.run([...WANTED, ...args], undefined, EXPECT);
const queryOf = (project: Project): string => {
  const [policy] = Object.values(project.read().monitoring.policies);
  const conditions = policy?.conditions as { conditionPrometheusQueryLanguage: { query: string } }[];
  return conditions[0]?.conditionPrometheusQueryLanguage.query ?? '';
};

test('one command creates the alert "no delivery to DESTINATION by HH:MM", once', async () => {
  const project = open(2);
  const ran = await expectDelivery(project, '--channel', CHANNEL);
  expect(ran).toMatchObject({ code: 0 });
  const policies = Object.values(ran.state.monitoring.policies);
  expect(policies).toEqual([
    expect.objectContaining({
      displayName: 'drive-courier: no delivery to reports by 07:30',
      notificationChannels: [CHANNEL],
    }),
  ]);
  expect(ran.state.monitoring.metrics['courier-deliveries']).toBeDefined();
  expect(await expectDelivery(project, '--channel', CHANNEL)).toMatchObject({ code: 0, state: { changes: [] } });
}, 120_000);

test('another run completes a missing-file alert, at whatever point the first one was interrupted', async () => {
  const whole = (await expectDelivery(open(), '--channel', CHANNEL)).state;
  for (let change = 1; change <= whole.changes.length; change++) {
    const project = open();
    const cut = await project.run([...WANTED, '--channel', CHANNEL], { change, after: change % 2 === 0 }, EXPECT);
    expect({ change, code: cut.code }).toEqual({ change, code: 1 });
    const again = await expectDelivery(project, '--channel', CHANNEL);
    expect({ change, code: again.code }).toEqual({ change, code: 0 });
    expect(contentOf(again.state)).toEqual(contentOf(whole));
  }
}, 120_000);

test.each<[string[], RegExp]>([
  // 450 minutes after midnight, for half an hour. Deliveries since midnight count.
  [[], /\[450m\].*>= 450 and .*< 480/],
  [['--within', '24'], /\[1440m\].*>= 450 /],
  [['--days', '1-5'], /day_of_week\(\) >= 1 and day_of_week\(\) <= 5/],
  [['--days', '5-1'], /day_of_week\(\) >= 5 or day_of_week\(\) <= 1/],
  // Kolkata is five and a half hours ahead, all year: 02:00 UTC.
  [['--zone', 'Asia/Kolkata'], /\[450m\].*>= 120 and .*< 150/],
  // Honolulu is ten hours behind: 17:30 UTC.
  [['--zone', 'Pacific/Honolulu'], />= 1050 and .*< 1080/],
])(
  'with %j it checks at the right time',
  async (args, query) => {
    const project = open();
    expect(await expectDelivery(project, ...args)).toMatchObject({ code: 0 });
    expect(queryOf(project)).toMatch(query);
    expect(queryOf(project)).toContain('destination="reports"');
    // A message that was given up is no delivery.
    const [, excluded = ''] = /outcome!~"([^"]+)"/.exec(queryOf(project)) ?? [];
    const isExcluded = (outcome: string): boolean => new RegExp(`^(?:${excluded})$`).test(outcome);
    expect(['failed', 'given-up', 'created', 'skipped'].map(isExcluded)).toEqual([true, true, false, false]);
  },
  60_000,
);

test.each([
  [['--zone', 'Europe/Nowhere'], /not a time zone/],
  [['--by', '25:00'], /Usage: /],
  [['--destination', 'a"b'], /Usage: /],
])('%j is rejected', async (args, words) => {
  const ran = await expectDelivery(open(), ...args);
  expect(ran).toMatchObject({ code: 64, stderr: expect.stringMatching(words), state: { changes: [] } });
});

test('without gcloud it prints where to get it', () => {
  const path = join(scripts.folder, 'nothing');
  spawnSync('mkdir', [path]);
  for (const name of ['bash', 'dirname', 'mktemp', 'rm']) {
    const { stdout } = spawnSync('sh', ['-c', `command -v ${name}`], { encoding: 'utf8' });
    writeFileSync(join(path, name), `#!/bin/sh\nexec ${stdout.trim()} "$@"\n`, { mode: 0o755 });
  }
  const bare = spawnSync(join(path, 'bash'), [join(scripts.folder, APPLY), 'my-project'], {
    env: { PATH: path },
    encoding: 'utf8',
  });
  expect(bare).toMatchObject({ status: 69, stderr: expect.stringContaining('gcloud is not installed') });
});

/**
 * Whether the gcloud of this machine has `gcloud monitoring policies`, which became generally available late in 2025.
 */
const hasPolicies = hasGcloud && (await lintGcloud(['gcloud monitoring policies list'])).length === 0;

(hasGcloud ? test : test.skip)(
  'gcloud itself finds every command in order, and none is alpha or beta',
  async () => {
    const project = open();
    const { calls } = (await apply(project, 'my-project', CHANNEL)).state;
    const { monitoring } = project.read();
    for (const policy of Object.values(monitoring.policies)) policy.severity = 'CRITICAL';
    for (const dashboard of Object.values(monitoring.dashboards)) dashboard.displayName = 'drive-courier';
    const changed = await apply(scripts.openProject({ ...project.read(), monitoring }), 'my-project');
    const commands = [...calls, ...changed.state.calls].map(
      (argv) => `gcloud ${argv.map((word) => `'${word}'`).join(' ')}`,
    );
    expect(commands.filter((command) => /^gcloud '(alpha|beta)'/.test(command))).toEqual([]);
    const judged = commands.map((command) =>
      // An older gcloud has the same commands with the same flags in alpha.
      hasPolicies ? command : command.replace("'monitoring' 'policies'", "alpha 'monitoring' 'policies'"),
    );
    expect(await lintGcloud([...new Set(judged)])).toEqual([]);
  },
  240_000,
);

test('no script and no page uses an alpha or beta command of gcloud', () => {
  const root = join(import.meta.dirname, '../..');
  const { stdout } = spawnSync('git', ['ls-files', 'deploy', 'docs', 'examples', 'README.md'], {
    cwd: root,
    encoding: 'utf8',
  });
  const files = stdout
    .trim()
    .split('\n')
    .filter((file) => !/\.(png|json)$/.test(file));
  expect(files.length).toBeGreaterThan(40);
  // No released command creates a service's own account.
  const isUnreleased = /gcloud (alpha|beta)\b(?! services identity create)/;
  expect(files.filter((file) => isUnreleased.test(readFileSync(join(root, file), 'utf8')))).toEqual([]);
});
