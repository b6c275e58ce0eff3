// Writes test/fixtures/terraform-names.json: the names that deploy/terraform may use, from the npm package with the bindings of
// Google's Terraform provider. The package is 30 MB and only this script needs it, so it is not a dependency. The script
// downloads it into a folder.
// node scripts/terraform-names.ts FOLDER
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { blocksOf } from './terraform/blocks.ts';
import { type ProviderNames, type Resource, resourceOf } from './terraform/names.ts';

const BINDINGS = ['@cdktf/provider-google@16.12.1', '@cdktf/provider-google-beta@16.12.1'] as const;
const PROVIDER = 'hashicorp/google and google-beta 6.50.0';
/** Resources that exist only in google-beta. */
const BETA = ['google_project_service_identity'];
/** https://registry.terraform.io/providers/hashicorp/time/latest/docs/resources/sleep: this provider has no bindings on npm. */
const SLEEP: Resource = {
  required: [],
  optional: ['create_duration', 'destroy_duration', 'triggers'],
  blocks: {},
  exported: ['id'],
};
const root = fileURLToPath(new URL('..', import.meta.url));
const [folder = ''] = process.argv.slice(2);
if (folder === '') {
  console.error('Usage: node scripts/terraform-names.ts FOLDER');
  process.exit(64);
}

const fetchBindings = (): void => {
  mkdirSync(folder, { recursive: true });
  const run = (program: string, args: string[]): string => {
    const { status, stdout, stderr } = spawnSync(program, args, { cwd: folder, encoding: 'utf8' });
    if (status !== 0) throw new Error(`${program} ${args.join(' ')}: ${stderr}`);
    return stdout.trim();
  };
  for (const [at, name] of BINDINGS.entries()) {
    mkdirSync(libraryOf(at), { recursive: true });
    run('tar', ['xzf', run('npm', ['pack', '--silent', name]), '-C', libraryOf(at)]);
  }
};

const libraryOf = (at: number): string => join(folder, String(at));
if (!existsSync(libraryOf(1))) fetchBindings();

const declarationsOf = (type: string, name: string): string =>
  BETA.includes(type)
    ? join(libraryOf(1), 'package/lib', `google-${name}`, 'index.d.ts')
    : join(libraryOf(0), 'package/lib', name, 'index.d.ts');

const terraform = join(root, 'deploy/terraform');
const used = readdirSync(terraform)
  .filter((file) => file.endsWith('.tf'))
  .flatMap((file) => blocksOf(readFileSync(join(terraform, file), 'utf8')));

const read = (kind: 'resource' | 'data'): ProviderNames['resource'] => {
  const types = new Set(used.filter((block) => block.kind === kind).map(({ labels: [type = ''] }) => type));
  return Object.fromEntries(
    [...types].sort().map((type) => {
      if (type === 'time_sleep') return [type, SLEEP];
      const name = `${kind === 'data' ? 'data-google-' : ''}${type.replace(/^google_/, '').replaceAll('_', '-')}`;
      return [type, resourceOf(readFileSync(declarationsOf(type, name), 'utf8'))];
    }),
  );
};

const names: ProviderNames = {
  source: `${PROVIDER}, by npm's ${BINDINGS.join(' and ')}`,
  resource: read('resource'),
  data: read('data'),
};
writeFileSync(join(root, 'test/fixtures/terraform-names.json'), `${JSON.stringify(names)}\n`);
