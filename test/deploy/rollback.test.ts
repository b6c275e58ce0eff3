import { afterAll, expect, test } from '@jest/globals';
import { NEEDED, startDeployScripts, WAYS } from '../support/deploy/deploy-scripts.ts';
import { LATEST, type ProjectState } from '../support/deploy/gcloud/state.ts';

const scripts = await startDeployScripts();
afterAll(() => scripts.close());

const SERVICE = [...NEEDED, '--keyless', '--queue=none'];
const BACK = ['rollback', ...NEEDED.slice(0, 2)];
const trafficOf = ({ services }: ProjectState, name = 'drive-courier') => services[name]?.traffic;

/** A project with several revisions of the service. Each deployment has a little more memory. */
const deployed = async (revisions: number, options = SERVICE) => {
  const project = scripts.openProject();
  for (let turn = 1; turn <= revisions; turn++)
    expect(await project.run([...options, `--memory=${turn}Gi`])).toMatchObject({ code: 0 });
  return project;
};

test('an upgrade is rolled back to the previous revision, and further', async () => {
  const project = await deployed(3);
  const back = await project.run(BACK);
  expect(back).toMatchObject({ code: 0 });
  expect(back.state.changes).toEqual([
    'run services update-traffic drive-courier --to-revisions=drive-courier-00002-abc=100 --region=europe-west1 --project=my-project --quiet',
  ]);
  expect(back.stderr).toContain('serves drive-courier-00002-abc instead of drive-courier-00003-abc');
  expect(trafficOf((await project.run(BACK)).state)).toBe('drive-courier-00001-abc');
  const none = await project.run(BACK);
  expect(none).toMatchObject({ code: 69, stderr: expect.stringContaining('no earlier revision') });
}, 120_000);

test('a revision that never became ready is skipped', async () => {
  const project = await deployed(3);
  const { services } = project.read();
  const [, second] = services['drive-courier']?.revisions ?? [];
  if (second !== undefined) second.ready = false;
  const broken = scripts.openProject({ ...project.read(), services });
  expect(trafficOf((await broken.run(BACK)).state)).toBe('drive-courier-00001-abc');
}, 120_000);

test('a revision can be selected by name; a missing one changes nothing', async () => {
  const project = await deployed(3);
  const to = (revision: string) => project.run([...BACK, `--to=${revision}`]);
  expect(trafficOf((await to('drive-courier-00001-abc')).state)).toBe('drive-courier-00001-abc');
  expect(await to('drive-courier-00009-abc')).toMatchObject({
    code: 69,
    state: { changes: [] },
    stderr: expect.stringContaining('drive-courier-00003-abc'),
  });
  expect(await to('another-00001-abc')).toMatchObject({ code: 64 });
}, 120_000);

test('a rollback persists when the same version is deployed again, and ends with a new one', async () => {
  const project = await deployed(2);
  await project.run(BACK);
  const same = await project.run([...SERVICE, '--memory=2Gi']);
  expect(same).toMatchObject({ code: 0, stderr: expect.stringContaining('--redeploy'), state: { changes: [] } });
  expect(trafficOf(same.state)).toBe('drive-courier-00001-abc');

  const next = await project.run([...SERVICE, '--memory=3Gi']);
  expect(next).toMatchObject({ code: 0 });
  expect(trafficOf(next.state)).toBe(LATEST);
  expect(next.state.services['drive-courier']?.revisions).toHaveLength(3);
}, 120_000);

test('the event function is rolled back together with the service', async () => {
  const project = await deployed(2, [...(WAYS['functions with Eventarc'] ?? [])]);
  const back = await project.run(BACK);
  expect(back).toMatchObject({ code: 0 });
  expect(trafficOf(back.state)).toBe('drive-courier-00001-abc');
  expect(trafficOf(back.state, 'drive-courier-events')).toBe('drive-courier-events-00001-abc');
}, 120_000);

test('a missing service is reported', async () => {
  const ran = await scripts.openProject({ apis: ['run.googleapis.com'] }).run(BACK);
  expect(ran).toMatchObject({ code: 69, stderr: expect.stringContaining('no service drive-courier') });
});
