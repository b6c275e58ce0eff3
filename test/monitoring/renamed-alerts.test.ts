import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, expect, test } from '@jest/globals';
import { startDeployScripts } from '../support/deploy/deploy-scripts.ts';

const scripts = await startDeployScripts();
afterAll(() => scripts.close());

const CHANNEL = 'projects/my-project/notificationChannels/1';
const FORMER_TITLES = JSON.parse(
  readFileSync(join(scripts.folder, 'deploy/monitoring/former-titles.json'), 'utf8'),
) as Record<string, string[]>;
const open = () => scripts.openProject();
type Project = ReturnType<typeof open>;
const apply = (project: Project, ...args: string[]) =>
  project.run(['my-project', ...args], undefined, 'deploy/monitoring/apply.sh');
const policiesOf = (project: Project) => project.read().monitoring.policies;
/** Policies without what Monitoring adds. */
const contentOf = (project: Project) =>
  Object.entries(policiesOf(project)).map(([name, { etag: _, ...policy }]) => ({ ...policy, name }));
const updates = (changes: readonly string[]): number =>
  changes.filter((change) => change.startsWith('monitoring policies update')).length;

/** A project after a run of an earlier version: its policies have no labels, and the titles of that time. */
const withFormerTitles = (project: Project): Project => {
  const { monitoring } = project.read();
  for (const policy of Object.values(monitoring.policies)) {
    const { 'drive-courier-alert': id = '' } = policy.userLabels as Record<string, string>;
    const [title] = FORMER_TITLES[id] ?? [];
    if (title !== undefined) policy.displayName = title;
    delete policy.userLabels;
  }
  return scripts.openProject({ ...project.read(), monitoring });
};

test('policies of an earlier version are found by their former titles and updated, not created a second time', async () => {
  const project = open();
  await apply(project, CHANNEL);
  const wanted = contentOf(project);
  const earlier = withFormerTitles(project);
  const titles = Object.values(policiesOf(earlier)).map(({ displayName }) => displayName);
  expect(titles).toEqual(expect.arrayContaining(Object.values(FORMER_TITLES).flat()));

  const { code, state } = await apply(earlier);
  expect({ code, changes: state.changes.length }).toEqual({ code: 0, changes: wanted.length });
  expect(updates(state.changes)).toBe(wanted.length);
  expect(contentOf(earlier)).toEqual(wanted);
  expect(await apply(earlier)).toMatchObject({ code: 0, state: { changes: [] } });
}, 120_000);

test('a policy that an operator has renamed gets its title back, and keeps the operator’s labels', async () => {
  const project = open();
  await apply(project, CHANNEL);
  const { monitoring } = project.read();
  const [name = ''] = Object.keys(monitoring.policies);
  const { displayName, userLabels } = monitoring.policies[name] ?? {};
  const labels = { ...(userLabels as Record<string, string>), team: 'files' };
  Object.assign(monitoring.policies[name] ?? {}, { displayName: 'Files: errors', userLabels: labels });
  const renamed = scripts.openProject({ ...project.read(), monitoring });
  const { state } = await apply(renamed);
  expect({ changes: state.changes.length, updates: updates(state.changes) }).toEqual({ changes: 1, updates: 1 });
  expect(policiesOf(renamed)[name]).toMatchObject({ displayName, userLabels: labels });
}, 120_000);

test('another policy with a former title is not changed if the labelled one exists', async () => {
  const project = open();
  await apply(project, CHANNEL);
  const { monitoring } = project.read();
  const [displayName = ''] = Object.values(FORMER_TITLES).flat();
  const name = 'projects/my-project/alertPolicies/99';
  monitoring.policies[name] = { name, displayName };
  const ran = await apply(scripts.openProject({ ...project.read(), monitoring }));
  expect(ran).toMatchObject({ code: 0, state: { changes: [] } });
}, 120_000);
