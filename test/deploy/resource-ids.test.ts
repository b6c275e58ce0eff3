import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';

const root = join(import.meta.dirname, '../..');

/** https://cloud.google.com/iam/docs/reference/rest/v1/projects.locations.workloadIdentityPools/create */
const ID = /^(?!gcp-)[a-z0-9-]{4,32}$/;

/** How a page, a script or Terraform names a workload identity pool or provider. */
const NAMED = [
  /workloadIdentityPools\/([^/\s"'`$]+)/g,
  /workloadIdentityPools\/[^/\s]+\/providers\/([^/\s"'`$]+)/g,
  /workload-identity-pools create ([^-\s"'$]\S*)/g,
  /providers create-(?:aws|oidc) ([^-\s"'$]\S*)/g,
  /--workload-identity-pool=([^\s"'$]+)/g,
  /workload_identity_pool(?:_provider)?_id\s*=\s*"([^"$]+)"/g,
];

const idsIn = (text: string): string[] =>
  NAMED.flatMap((pattern) => [...text.matchAll(pattern)].map(([, id = '']) => id));

test('every workload identity pool and provider has an id that Google allows', () => {
  const files = globSync(['README.md', 'docs/**/*.md', 'deploy/**/*', 'examples/**/*', 'local/google/world/*.ts'], {
    cwd: root,
    withFileTypes: true,
  }).filter((entry) => entry.isFile());
  const named = files.flatMap(({ parentPath, name }) =>
    idsIn(readFileSync(join(parentPath, name), 'utf8')).map((id) => ({ file: name, id })),
  );
  expect(named.length).toBeGreaterThan(10);
  expect(named.filter(({ id }) => !ID.test(id))).toEqual([]);
});

test.each([
  'gcloud iam workload-identity-pools create aws --location=global',
  'gcloud iam workload-identity-pools providers create-aws aws --location=global',
  'projects/1/locations/global/workloadIdentityPools/aws-pool/providers/aws --aws',
  'workload_identity_pool_provider_id = "aws"',
])('the check detects the short id in: %s', (text) => {
  expect(idsIn(text).filter((id) => !ID.test(id))).toEqual(['aws']);
});
