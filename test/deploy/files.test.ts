import { execFile } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, expect, test } from '@jest/globals';
import { parse } from 'yaml';
import { readConfig } from '../../src/config/config.ts';
import { hasGcloud } from '../support/deploy/gcloud-lint.ts';

const execute = promisify(execFile);
const root = join(import.meta.dirname, '../..');
const folder = mkdtempSync(join(tmpdir(), 'courier-deploy-files-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

if (!hasGcloud) console.warn('SKIPPED: no gcloud here, so it does not judge what is uploaded and how it is called.');
const withGcloud = hasGcloud ? test : test.skip;
const gcloud = async (args: readonly string[], cwd = folder): Promise<string> =>
  (
    await execute('gcloud', [...args], {
      cwd,
      maxBuffer: 1 << 28,
      env: { ...process.env, CLOUDSDK_CONFIG: join(folder, 'gcloud-config') },
    })
  ).stdout;

interface Service {
  kind: string;
  spec: {
    template: {
      spec: {
        serviceAccountName: string;
        containers: { ports: { name: string; containerPort: number }[]; env: { name: string; value: string }[] }[];
      };
    };
  };
}

test('service.yaml enables h2c, and the courier accepts its configuration', () => {
  const text = readFileSync(join(root, 'deploy/service.yaml'), 'utf8')
    .replaceAll('PROJECT', 'my-project')
    .replaceAll('NUMBER', '123456789012')
    .replaceAll('REGION', 'europe-west1')
    .replaceAll('FOLDER', '0AFolderFolderFolder');
  const service = parse(text) as Service;
  const [container] = service.spec.template.spec.containers;
  expect(container?.ports).toEqual([{ name: 'h2c', containerPort: 8080 }]);
  const env = Object.fromEntries((container?.env ?? []).map(({ name, value }) => [name, value]));
  const config = readConfig(env);
  expect(config.audiences).toEqual(['https://drive-courier-123456789012.europe-west1.run.app']);
  expect(config.identity).toBe('cloud-run-iam');
  expect(service.spec.template.spec.serviceAccountName).toBe('drive-courier-run@my-project.iam.gserviceaccount.com');
});

test('every deployment from source in the docs names a build account, which has the role to build', () => {
  const texts = ['docs/deploy.md', 'docs/first-runs.md'].map((path) => readFileSync(join(root, path), 'utf8'));
  for (const text of texts) {
    const [command = ''] = /^gcloud run deploy \S+ --source=.*$/m.exec(text) ?? [];
    const [, account = 'none'] = /--build-service-account=projects\/[\w-]+\/serviceAccounts\/(\S+)/.exec(command) ?? [];
    expect(text).toMatch(new RegExp(`^gcloud iam service-accounts create ${account.split('@')[0]} `, 'm'));
    expect(text).toMatch(
      new RegExp(`add-iam-policy-binding .*--member=serviceAccount:${account} .*--role=roles/run.builder`),
    );
  }
});

test('the image contains only the bundle, does not run as root, and excludes what the build does not need', () => {
  const text = readFileSync(join(root, 'deploy/Dockerfile'), 'utf8');
  const stages = text.split(/^FROM /m).slice(1);
  const last = stages.at(-1) ?? '';
  expect(last).toMatch(/^gcr\.io\/distroless\/nodejs24-debian12:nonroot\n/);
  expect(last).not.toMatch(/node_modules|COPY (?!--from)|ADD /);
  const copied = [...text.matchAll(/^COPY (?!--from)(.+) \S+$/gm)].flatMap(([, names = '']) => names.split(' '));
  const allowed = readFileSync(join(root, 'deploy/Dockerfile.dockerignore'), 'utf8').split('\n');
  expect(
    allowed
      .filter((line) => line.startsWith('!'))
      .map((line) => line.slice(1))
      .sort(),
  ).toEqual([...copied].sort());
  expect(allowed).toContain('*');
});

test('the image is built with the given commit, and without one', () => {
  const [build = ''] = readFileSync(join(root, 'deploy/Dockerfile'), 'utf8')
    .split(/^FROM /m)
    .slice(1);
  const steps = build.split('\n').filter((line) => /^(ARG|RUN node)/.test(line));
  expect(steps).toEqual(['ARG COURIER_COMMIT=""', 'RUN node scripts/build.ts']);
});

test('the AWS trust policy lets only Lambda assume the role', () => {
  const policy = JSON.parse(readFileSync(join(root, 'deploy/aws/lambda-trust.json'), 'utf8'));
  expect(policy.Statement).toEqual([
    { Effect: 'Allow', Principal: { Service: 'lambda.amazonaws.com' }, Action: 'sts:AssumeRole' },
  ]);
});

withGcloud(
  'a deployment of the repository itself takes the sources and what was built, and no key',
  async () => {
    const repository = join(folder, 'repository');
    const there = {
      upload: [
        'package.json',
        'package-lock.json',
        'src/function.ts',
        'scripts/build.ts',
        'dist/index.cjs',
        'dist/lib/a.js',
      ],
      leave: [
        'node_modules/x/index.js',
        'dist/node_modules/x.js',
        'dist/.compile-cache/service.js',
        'test/a.ts',
        'key.json',
        'drive-key.json',
        'google-credentials.json',
      ],
    };
    for (const path of [...there.upload, ...there.leave]) {
      mkdirSync(dirname(join(repository, path)), { recursive: true });
      writeFileSync(join(repository, path), 'x');
    }
    for (const name of ['.gitignore', '.gcloudignore']) cpSync(join(root, name), join(repository, name));
    const listed = (await gcloud(['meta', 'list-files-for-upload'], repository)).trim().split('\n').sort();
    expect(listed).toEqual([...there.upload].sort());
  },
  60_000,
);
