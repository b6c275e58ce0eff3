import { afterAll, expect, test } from '@jest/globals';
import { startDeployScripts } from '../support/deploy/deploy-scripts.ts';
import { emptyProject } from '../support/deploy/gcloud/state.ts';
import { hasGcloud, lintGcloud } from '../support/deploy/gcloud-lint.ts';

const scripts = await startDeployScripts();
afterAll(() => scripts.close());

const AWS = ['--project=my-project', '--account=111122223333', '--role=report-exporter'];
const SCRIPT = 'deploy/aws/trust-aws.sh';
const ACCOUNT = 'drive-courier-aws@my-project.iam.gserviceaccount.com';
const MEMBER =
  'principalSet://iam.googleapis.com/projects/123456789012/locations/global/workloadIdentityPools/drive-courier-aws/attribute.aws_role/arn:aws:sts::111122223333:assumed-role/report-exporter';

test('in a new project it enables the APIs for federation, and binds one role only for ID tokens', async () => {
  const project = scripts.openProject();
  const ran = await project.run(AWS, undefined, SCRIPT);
  expect(ran).toMatchObject({ code: 0 });
  expect(ran.state.apis).toEqual(
    expect.arrayContaining(['iam.googleapis.com', 'iamcredentials.googleapis.com', 'sts.googleapis.com']),
  );
  expect(ran.state.policies).toEqual({
    [`iam service-accounts ${ACCOUNT}`]: [`roles/iam.serviceAccountOpenIdTokenCreator ${MEMBER} `],
  });
  expect(Object.keys(ran.state.things.providers ?? {})).toEqual(['aws-provider']);
  const again = await project.run(AWS, undefined, SCRIPT);
  // The file for the caller is written each time. It is not part of the project.
  expect(again.state.changes).toEqual([expect.stringContaining('create-cred-config')]);
}, 60_000);

test('it waits in a new project for what is not active everywhere yet', async () => {
  const { lags } = emptyProject();
  const ran = await scripts.openProject({ lags: { ...lags, api: 2 } }).run(AWS, undefined, SCRIPT);
  expect(ran).toMatchObject({ code: 0, state: { lags: { api: 0 } } });
  expect(ran.stderr).toContain('Waiting: an API that was enabled a moment ago is not ready yet.');
}, 60_000);

test('it is completed by another run, wherever the first one was interrupted', async () => {
  const whole = (await scripts.openProject().run(AWS, undefined, SCRIPT)).state;
  for (let change = 1; change <= whole.changes.length; change++) {
    const project = scripts.openProject();
    const cut = await project.run(AWS, { change, after: change % 2 === 0 }, SCRIPT);
    expect(cut).toMatchObject({ code: 1 });
    const again = await project.run(AWS, undefined, SCRIPT);
    expect({ change, code: again.code }).toEqual({ change, code: 0 });
    expect(again.state.policies).toEqual(whole.policies);
    expect(again.state.things).toEqual(whole.things);
  }
}, 120_000);

test.each<[string[], RegExp]>([
  [['--account=1234'], /not a valid AWS account/],
  [['--role=a/b'], /not a valid role name/],
  [['--project=X'], /not a valid project ID/],
  [['--bogus=x'], /unknown option "--bogus"/],
])('it rejects %s', async (wrong, words) => {
  const ran = await scripts.openProject().run([...AWS, ...wrong], undefined, SCRIPT);
  expect(ran).toMatchObject({ code: 64, stderr: expect.stringMatching(words), state: { changes: [] } });
});

(hasGcloud ? test : test.skip)(
  'gcloud finds its commands in order',
  async () => {
    const { calls } = (await scripts.openProject().run(AWS, undefined, SCRIPT)).state;
    // A command that is repeated while Google does not know an account yet is looked at once.
    const commands = [...new Set(calls.map((argv) => `gcloud ${argv.map((word) => `'${word}'`).join(' ')}`))];
    expect(commands.length).toBeGreaterThan(8);
    expect(await lintGcloud(commands)).toEqual([]);
  },
  120_000,
);
