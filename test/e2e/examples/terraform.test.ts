import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from '@jest/globals';

const TERRAFORM = 'terraform';
const FOLDER = join(import.meta.dirname, '../../../examples/aws-lambda/terraform');
/** Tests use no network: providers come from a local mirror that an administrator filled. */
const PLUGINS = [
  process.env.TERRAFORM_PLUGINS ?? '',
  '/opt/tf-plugins',
  '/usr/local/share/terraform/plugins',
  '/usr/share/terraform/plugins',
].filter(existsSync);
const env = {
  PATH: process.env.PATH ?? '',
  HOME: '/nonexistent',
  TF_CLI_CONFIG_FILE: '/dev/null',
  CHECKPOINT_DISABLE: '1',
};

const hasTerraform = spawnSync(TERRAFORM, ['version'], { env }).status === 0;
if (!hasTerraform) console.warn('SKIPPED: no terraform here, so its examples are not checked.');
const plugins = (provider: string): string | undefined =>
  PLUGINS.find((folder) => existsSync(join(folder, 'registry.terraform.io/hashicorp', provider)));

const made: string[] = [];
afterAll(() => {
  for (const folder of made) rmSync(folder, { recursive: true, force: true });
});

(hasTerraform ? test : test.skip)('the Terraform of the examples is formatted', () => {
  const { stdout, status } = spawnSync(TERRAFORM, ['fmt', '-check', '-recursive', '-diff', FOLDER], {
    env,
    encoding: 'utf8',
  });
  expect([status, stdout]).toEqual([0, '']);
});

describe.each(['aws', 'google'])('examples/aws-lambda/terraform/%s', (provider) => {
  const source = hasTerraform ? plugins(provider) : undefined;
  if (hasTerraform && source === undefined)
    console.warn(`SKIPPED: no Terraform provider hashicorp/${provider} here, so its example is not validated.`);

  (source === undefined ? test.skip : test)(
    'is valid',
    () => {
      const folder = mkdtempSync(join(tmpdir(), 'courier-terraform-'));
      made.push(folder);
      cpSync(join(FOLDER, provider), folder, { recursive: true });
      execFileSync(TERRAFORM, ['init', '-backend=false', '-input=false', `-plugin-dir=${source}`], {
        cwd: folder,
        env,
      });
      const { stdout } = spawnSync(TERRAFORM, ['validate', '-json'], { cwd: folder, env, encoding: 'utf8' });
      expect(JSON.parse(stdout)).toMatchObject({ valid: true, error_count: 0, warning_count: 0 });
    },
    120_000,
  );
});
