import { execFile, spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { parse } from 'yaml';
import { AWS_ENVIRONMENT } from '../../../local/google/world/key-files.ts';
import { AUDIENCE } from '../../support/courier/courier-in-world.ts';
import { type ExampleWorld, openExampleWorld } from './courier.ts';

const execute = promisify(execFile);
const EXAMPLES = join(import.meta.dirname, '../../../examples');
const has = (program: string): boolean => spawnSync(program, ['--version']).status === 0;

const hasCurl = has('curl');
const hasGcloud = has('gcloud');
if (!hasCurl) console.warn('SKIPPED: no curl here, so the examples with curl are not run.');
if (!hasGcloud) console.warn('SKIPPED: no gcloud here, so the examples with gcloud are not run.');

let world: ExampleWorld;
beforeAll(async () => {
  world = await openExampleWorld();
}, 60_000);
afterAll(() => world?.close());

const environment = (): Record<string, string> => ({
  PATH: process.env.PATH ?? '',
  HOME: '/nonexistent',
  XDG_CACHE_HOME: world.google.dataDir,
  COURIER_URL: world.courier.url,
  COURIER_AUDIENCE: AUDIENCE,
  COURIER_GOOGLE_ORIGIN: world.google.origin,
  NO_GCE_CHECK: 'true',
});
const keyFile = (name: string): string => world.google.world.keyFiles[name] ?? '';
const written = (name: string, text: string): string => {
  const path = join(world.google.dataDir, name);
  writeFileSync(path, text);
  return path;
};

/** The examples import the client by its package name, which resolves to its source here, so no build is needed. */
const node = (args: readonly string[], env: Record<string, string>) =>
  execute(process.execPath, ['--conditions=drive-courier-source', ...args], { env });

describe('examples/node', () => {
  test('send-report.ts sends rows and a file, and a second run on the same day creates no second table', async () => {
    const env = { ...environment(), GOOGLE_APPLICATION_CREDENTIALS: keyFile('exporter') };
    const script = join(EXAMPLES, 'node/send-report.ts');
    const first = await node([script, written('report.pdf', '%PDF-1.7')], env);
    expect(first.stdout).toMatch(/^created: https?:\S+\ncreated: https?:\S+\n$/);
    const second = await node([script], env);
    expect(second.stdout).toMatch(/^replayed: /);
    expect(await world.contentOf('report.pdf')).toBe('%PDF-1.7');
  });

  test('failures end with the client’s exit code', async () => {
    const env = { ...environment(), GOOGLE_APPLICATION_CREDENTIALS: keyFile('stranger') };
    await expect(node([join(EXAMPLES, 'node/send-report.ts')], env)).rejects.toMatchObject({
      code: 1,
      stderr: expect.stringContaining('destination-forbidden'),
    });
  });
});

describe('examples/aws-lambda/node', () => {
  test('the handler calls as its AWS role, and a repeated event creates one file', async () => {
    const script = `
      const { handler } = await import(${JSON.stringify(join(EXAMPLES, 'aws-lambda/node/handler.mjs'))});
      const event = { day: '1999-12-31', orders: [{ order: 1, total: '12.50' }] };
      console.log(JSON.stringify([await handler(event), await handler(event)]));`;
    const { stdout } = await node(['--input-type=module', '--eval', script], {
      ...environment(),
      ...AWS_ENVIRONMENT,
      GOOGLE_APPLICATION_CREDENTIALS: keyFile('external-account-aws'),
    });
    const answers = JSON.parse(stdout) as { outcome: string }[];
    expect(answers.map(({ outcome }) => outcome)).toEqual(['created', 'replayed']);
    expect(await world.contentOf('orders-1999-12-31.csv')).toBe('order,total\r\n1,12.50\r\n');
  });
});

/** gcloud, with its own configuration and the local Google's addresses. */
const gcloudEnvironment = async (): Promise<Record<string, string>> => {
  const config = join(world.google.dataDir, 'gcloud');
  mkdirSync(config, { recursive: true });
  const env = {
    ...environment(),
    CLOUDSDK_CONFIG: config,
    CLOUDSDK_CORE_PROJECT: 'local-project',
    CLOUDSDK_CORE_DISABLE_PROMPTS: '1',
    CLOUDSDK_CORE_DISABLE_USAGE_REPORTING: 'true',
    CLOUDSDK_COMPONENT_MANAGER_DISABLE_UPDATE_CHECK: 'true',
    CLOUDSDK_API_ENDPOINT_OVERRIDES_IAMCREDENTIALS: `${world.google.origin}/iamcredentials.googleapis.com/`,
  };
  await execute('gcloud', ['auth', 'activate-service-account', '--key-file', keyFile('exporter')], { env });
  return env;
};

(hasCurl && hasGcloud ? describe : describe.skip)('examples/curl', () => {
  test('send.sh sends a file as gcloud’s account, and as a service account that it may impersonate', async () => {
    const env = await gcloudEnvironment();
    const path = written('curl é.csv', 'a,b\r\n');
    const send = async (more: Record<string, string> = {}) =>
      JSON.parse(
        (await execute(join(EXAMPLES, 'curl/send.sh'), [path], { env: { ...env, ...more } })).stdout,
      ) as object;
    const { exporter, driveWriter } = world.google.world.emails;
    expect(await send()).toMatchObject({ outcome: 'created', name: 'curl é.csv', caller: exporter });
    expect(await send()).toMatchObject({ outcome: 'replayed' });
    world.google.world.grant(driveWriter, `serviceAccount:${exporter}`);
    expect(await send({ COURIER_ACCOUNT: driveWriter })).toMatchObject({ outcome: 'created', caller: driveWriter });
  }, 180_000);
});

describe('examples/github-actions', () => {
  const workflow = parse(readFileSync(join(EXAMPLES, 'github-actions/send-report.yml'), 'utf8')) as {
    permissions: Record<string, string>;
    jobs: Record<string, { steps: { uses?: string; with?: Record<string, unknown>; run?: string; name?: string }[] }>;
  };
  const steps = workflow.jobs.send?.steps ?? [];

  test('requests GitHub’s token, and an ID token that contains the email', () => {
    expect(workflow.permissions['id-token']).toBe('write');
    const become = steps.find(({ uses }) => uses?.startsWith('google-github-actions/auth@'));
    expect(become?.with).toMatchObject({ token_format: 'id_token', id_token_include_email: true });
  });

  (hasCurl ? test : test.skip)('its own step sends the report', async () => {
    const { run = '' } = steps.find(({ name }) => name === 'Send it') ?? {};
    const folder = join(world.google.dataDir, 'checkout');
    mkdirSync(folder);
    writeFileSync(join(folder, 'report.csv'), 'day,runner\n');
    const token = world.google.world.idToken({ email: world.google.world.emails.exporter, audience: AUDIENCE });
    const env = { ...environment(), TOKEN: token, KEY: 'report-1' };
    const { stdout } = await execute('bash', ['-e', '-c', run], { env, cwd: folder });
    expect(JSON.parse(stdout)).toMatchObject({ outcome: 'created', name: 'report.csv' });
  });
});

describe('examples/workflows', () => {
  test('requests an ID token for the courier’s audience, and sends an export document', async () => {
    const { main } = parse(readFileSync(join(EXAMPLES, 'workflows/export.yaml'), 'utf8')) as {
      main: { steps: Record<string, { try?: { args: Record<string, unknown> } }>[] };
    };
    const send = main.steps.map((step) => step.send?.try?.args).find((args) => args !== undefined);
    // The expressions of Workflows, evaluated as Workflows does.
    const filled = JSON.stringify(send)
      .replace(/\$\{\\"orders-\\" \+ input\.day \+ \\"\.csv\\"\}/, 'workflow.csv')
      .replace(/\$\{\\"orders-\\" \+ input\.day\}/, 'workflow')
      .replace(/"\$\{rows\}"/, '[{"order":1}]')
      .replaceAll(/\$\{courier( \+ \\"([^"\\]+)\\")?\}/g, (_, __, path = '') => `https://courier.example${path}`);
    expect(filled).not.toContain('${');
    const { url, auth, body } = JSON.parse(filled) as { url: string; auth: unknown; body: unknown };
    expect([url, auth]).toEqual([
      'https://courier.example/v1/exports',
      { type: 'OIDC', audience: 'https://courier.example' },
    ]);
    const token = world.google.world.idToken({ email: world.google.world.emails.exporter, audience: AUDIENCE });
    const response = await fetch(`${world.courier.url}/v1/exports`, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
    expect(response.status).toBe(201);
    expect(await world.contentOf('workflow.csv')).toBe('order\r\n1\r\n');
  });
});
