// Writes test/fixtures/terraform-names.json: the names that deploy/terraform may use, from the bindings that npm has of Google's
// Terraform provider. They are 30 MB and needed by nobody else, so they are no dependency: this fetches them into a folder.
// node scripts/terraform-names.ts FOLDER
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { blocksOf } from './terraform/blocks.ts';
import { type ProviderNames, resourceOf } from './terraform/names.ts';

const BINDINGS = '@cdktf/provider-google@16.12.1';
const PROVIDER = 'hashicorp/google 6.50.0';
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
  run('tar', ['xzf', run('npm', ['pack', '--silent', BINDINGS])]);
};

const library = join(folder, 'package/lib');
if (!existsSync(library)) fetchBindings();

const terraform = join(root, 'deploy/terraform');
const used = readdirSync(terraform)
  .filter((file) => file.endsWith('.tf'))
  .flatMap((file) => blocksOf(readFileSync(join(terraform, file), 'utf8')));

const read = (kind: 'resource' | 'data'): ProviderNames['resource'] => {
  const types = new Set(used.filter((block) => block.kind === kind).map(({ labels: [type = ''] }) => type));
  return Object.fromEntries(
    [...types].sort().map((type) => {
      const name = `${kind === 'data' ? 'data-google-' : ''}${type.replace(/^google_/, '').replaceAll('_', '-')}`;
      return [type, resourceOf(readFileSync(join(library, name, 'index.d.ts'), 'utf8'))];
    }),
  );
};

const names: ProviderNames = {
  source: `${PROVIDER}, by npm's ${BINDINGS}`,
  resource: read('resource'),
  data: read('data'),
};
writeFileSync(join(root, 'test/fixtures/terraform-names.json'), `${JSON.stringify(names)}\n`);
