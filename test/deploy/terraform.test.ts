import { execFile, spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, test } from '@jest/globals';
import { type Block, blocksOf, referencesOf } from '../../scripts/terraform/blocks.ts';
import type { Names, ProviderNames } from '../../scripts/terraform/names.ts';

const execute = promisify(execFile);
const root = join(import.meta.dirname, '../..');
const module = join(root, 'deploy/terraform');
const names = JSON.parse(readFileSync(join(root, 'test/fixtures/terraform-names.json'), 'utf8')) as ProviderNames;
const files = readdirSync(module).filter((file) => file.endsWith('.tf'));
const textOf = (path: string): string => readFileSync(join(module, path), 'utf8');
const sources = files.map(textOf);
const blocks = sources.flatMap(blocksOf);
const ofKind = (kind: string): Block[] => blocks.filter((block) => block.kind === kind);

/** What every block may contain: https://developer.hashicorp.com/terraform/language/meta-arguments */
const META = ['count', 'for_each', 'depends_on', 'provider', 'lifecycle'];

/** The members of a block that the provider does not know, and the required ones that it lacks. */
const faultsOf = (block: Block, known: Names, where: string): string[] => [
  ...block.attributes
    .filter((name) => ![...known.required, ...known.optional, ...META].includes(name))
    .map((name) => `${where}.${name} is unknown`),
  ...known.required
    .filter(
      (name) =>
        !block.attributes.includes(name) &&
        !block.blocks.some(({ kind, labels }) => kind === name || labels[0] === name),
    )
    .map((name) => `${where}.${name} is missing`),
  ...block.blocks.flatMap((inner) => {
    // `dynamic "kind" { for_each, content { … } }` creates blocks of that kind.
    const [kind = inner.kind] = inner.kind === 'dynamic' ? inner.labels : [];
    const inside = known.blocks[kind];
    if (inner.kind === 'dynamic' && inside !== undefined)
      return inner.blocks.flatMap((content) => faultsOf(content, inside, `${where}.${kind}`));
    if (inside === undefined) return META.includes(inner.kind) ? [] : [`${where}.${inner.kind} is no block`];
    return faultsOf(inner, inside, `${where}.${inner.kind}`);
  }),
];

const faultsIn = (found: readonly Block[]): string[] =>
  found.flatMap((block) => {
    const [type = '', name = ''] = block.labels;
    const known = block.kind === 'data' ? names.data[type] : names.resource[type];
    return known === undefined ? [`${type} is unknown`] : faultsOf(block, known, `${type}.${name}`);
  });

test('every resource, block and argument exists in Google’s provider', () => {
  const found = [...ofKind('resource'), ...ofKind('data')];
  expect(found.length).toBeGreaterThan(35);
  expect(faultsIn(found)).toEqual([]);
});

/** The text of each top-level block, by its name in expressions. */
const textsOf = (): Map<string, string> => {
  const texts = new Map<string, string>();
  for (const source of sources) {
    for (const [text, kind, type, name] of source.matchAll(/^(resource|data) "(\w+)" "(\w+)" \{[\s\S]*?^\}/gm))
      texts.set(`${kind === 'data' ? 'data.' : ''}${type}.${name}`, text);
    for (const [text] of source.matchAll(/^locals \{[\s\S]*?^\}/gm)) {
      for (const [whole, name] of text.matchAll(/^ {2}(\w+) += [\s\S]*?(?=^ {2}\w+ +=|^\})/gm))
        texts.set(`local.${name}`, whole);
    }
  }
  return texts;
};

/** The dependencies of a block: what it names in `depends_on` or in an expression, and their dependencies. */
const reachedFrom = (name: string, texts: ReadonlyMap<string, string>, seen = new Set<string>()): Set<string> => {
  const named = [...(texts.get(name) ?? '').matchAll(/\b(?:data\.)?(?:google_\w+|time_sleep|local)\.\w+/g)];
  for (const [each] of named) {
    if (each === name || seen.has(each)) continue;
    seen.add(each);
    reachedFrom(each, texts, seen);
  }
  return seen;
};

/** The API that creates each kind of resource. */
const API_OF: [RegExp, string][] = [
  [/^(data\.)?google_project(_iam_member)?$/, 'cloudresourcemanager'],
  [/^google_(service_account|iam_workload)/, 'iam'],
  [/^google_project_service_identity$/, 'iam'],
  [/^google_secret_manager/, 'secretmanager'],
  [/^google_firestore/, 'firestore'],
  [/^google_pubsub/, 'pubsub'],
  [/^google_cloud_run/, 'run'],
  [/^google_eventarc/, 'eventarc'],
  [/^(data\.)?google_storage/, 'storage'],
  [/^google_bigquery/, 'bigquery'],
  [/^google_logging/, 'logging'],
  [/^google_monitoring/, 'monitoring'],
];

/** Resources that need not wait for their API. */
const impatientIn = (texts: ReadonlyMap<string, string>): string[] =>
  [...texts.keys()].filter(
    (name) =>
      /^(data\.)?google_/.test(name) &&
      !name.startsWith('google_project_service.') &&
      !reachedFrom(name, texts).has('google_project_service.api'),
  );

test('every used API is enabled, and the resources it creates wait for that', () => {
  const texts = textsOf();
  const [, listed = ''] = /apis = toset\(concat\(([\s\S]*?)\n {2}\)\)/.exec(textOf('apis.tf')) ?? [];
  for (const name of texts.keys()) {
    if (!/^(data\.)?google_/.test(name) || name.startsWith('google_project_service.')) continue;
    const [, api] = API_OF.find(([kind]) => kind.test(name.replace(/\.\w+$/, ''))) ?? [];
    expect({ name, api, isOn: listed.includes(`"${api}"`) }).toMatchObject({ api: expect.any(String), isOn: true });
  }
  expect(impatientIn(texts)).toEqual([]);
});

test.each(['google_service_account.runtime', 'data.google_project.this', 'google_project_iam_member.ledger'])(
  'the check detects %s without dependencies',
  (name) => {
    const texts = textsOf();
    texts.set(
      name,
      (texts.get(name) ?? '').replace(/depends_on = .*/, '').replaceAll(/google_service_account\.runtime/g, 'x'),
    );
    expect(impatientIn(texts)).toContain(name);
  },
);

test("roles of Google's own accounts wait until these exist, and the first trigger until Eventarc is ready", () => {
  const texts = textsOf();
  for (const name of ['google_pubsub_topic_iam_member.agent_fails', 'google_service_account_iam_member.push_tokens'])
    expect(reachedFrom(name, texts)).toContain('google_project_service_identity.pubsub');
  expect(reachedFrom('google_eventarc_trigger.exports', texts)).toContain('time_sleep.eventarc');
  expect(reachedFrom('time_sleep.eventarc', texts)).toContain('google_project_service_identity.eventarc');
  expect(reachedFrom('google_monitoring_alert_policy.courier', texts)).toContain('time_sleep.metrics');
  // A member that is assembled by hand has no dependency.
  expect(sources.join('')).not.toMatch(/serviceAccount:service-\$/);
});

test('every field of the metrics and policies in deploy/monitoring reaches Terraform', () => {
  const text = textOf('monitoring.tf');
  const folder = join(root, 'deploy/monitoring');
  const fieldsOf = (value: unknown): string[] =>
    Array.isArray(value)
      ? value.flatMap(fieldsOf)
      : typeof value === 'object' && value !== null
        ? Object.entries(value).flatMap(([key, inner]) =>
            ['labelExtractors', 'userLabels'].includes(key) ? [key] : [key, ...fieldsOf(inner)],
          )
        : [];
  const documents = ['log-metrics', 'alerts'].flatMap((kind) =>
    readdirSync(join(folder, kind)).map((file): unknown => JSON.parse(readFileSync(join(folder, kind, file), 'utf8'))),
  );
  const fields = [...new Set(documents.flatMap(fieldsOf))].filter((field) => field !== 'name');
  expect(fields.length).toBeGreaterThan(25);
  expect(fields.filter((field) => !text.includes(field))).toEqual([]);
});

test('the attributes that expressions read exist in the provider', () => {
  const read = sources.flatMap(referencesOf);
  expect(read.length).toBeGreaterThan(30);
  const unknown = read.filter(({ isData, type, attribute }) => {
    const known = (isData ? names.data : names.resource)[type];
    return known === undefined || ![...known.exported, ...known.required, ...known.optional].includes(attribute);
  });
  expect(unknown).toEqual([]);
});

test('all referenced resources, variables and locals exist, and each variable is used', () => {
  const text = sources.join('\n');
  const resources = new Set(ofKind('resource').map(({ labels }) => labels.join('.')));
  const named = [...text.matchAll(/(?<!data\.)\b((?:google_\w+|time_sleep)\.\w+)(?=[[.\],)\s])/g)].map(
    ([, name = '']) => name,
  );
  expect(named.filter((name) => !resources.has(name))).toEqual([]);
  const variables = ofKind('variable').map(({ labels: [name = ''] }) => name);
  const spoken = new Set([...text.matchAll(/\bvar\.(\w+)/g)].map(([, name = '']) => name));
  expect([...spoken].sort()).toEqual([...variables].sort());
  const locals = new Set(ofKind('locals').flatMap(({ attributes }) => attributes));
  const asked = new Set([...text.matchAll(/\blocal\.(\w+)/g)].map(([, name = '']) => name));
  expect([...asked].sort()).toEqual([...locals].sort());
});

test('variables and outputs are described, and the state contains no key', () => {
  for (const block of [...ofKind('variable'), ...ofKind('output')]) {
    expect({ of: block.labels, attributes: block.attributes }).toMatchObject({
      attributes: expect.arrayContaining(['description']),
    });
  }
  const kinds = ofKind('resource').map(({ labels: [type] }) => type);
  expect(kinds).not.toContain('google_service_account_key');
  expect(kinds).not.toContain('google_secret_manager_secret_version');
});

test('the example gives the module exactly the variables it needs', () => {
  const [call] = blocksOf(textOf('example/main.tf')).filter(({ kind }) => kind === 'module');
  const variables = ofKind('variable');
  const given = (call?.attributes ?? []).filter((name) => name !== 'source');
  const known = variables.map(({ labels: [name = ''] }) => name);
  const needed = variables
    .filter(({ attributes }) => !attributes.includes('default'))
    .map(({ labels: [name = ''] }) => name);
  expect(given.filter((name) => !known.includes(name))).toEqual([]);
  expect(needed.filter((name) => !given.includes(name))).toEqual([]);
});

describe('the check itself', () => {
  test.each<[string, string, RegExp]>([
    ['an argument that is none', 'resource "google_pubsub_topic" "x" { name = "x"\n lable = {} }', /lable is unknown/],
    [
      'a block that is none',
      'resource "google_pubsub_topic" "x" { name = "x"\n scheme { a = 1 } }',
      /scheme is no block/,
    ],
    [
      'an argument deep inside',
      'resource "google_pubsub_subscription" "x" { name = "x"\n topic = "t"\n push_config { push_endpoint = "u"\n oidc_token { email = "e" } } }',
      /oidc_token\.email is unknown/,
    ],
    ['a missing argument', 'resource "google_pubsub_subscription" "x" { name = "x" }', /topic is missing/],
    ['a resource that is none', 'resource "google_pubsub_tropic" "x" { }', /google_pubsub_tropic is unknown/],
  ])('detects %s', (_, source, fault) => {
    expect(faultsIn(blocksOf(source)).join('\n')).toMatch(fault);
  });

  test('skips expressions of any form', () => {
    const source = `resource "a" "b" {
      one = cond ? { x = 1 } : { y = "}" }
      two = merge(
        { z = 2 }, # }
        var.q == null
        ? { p = "\${var.r["s"]}" }
        : {},
      )
      block { three = [for k in var.l : "\${k}"] }
      four = 4
    }`;
    expect(blocksOf(source)).toEqual([
      {
        kind: 'resource',
        labels: ['a', 'b'],
        attributes: ['one', 'two', 'four'],
        blocks: [{ kind: 'block', labels: [], attributes: ['three'], blocks: [] }],
      },
    ]);
  });
});

const PROGRAM = 'terraform';
const hasTerraform = spawnSync(PROGRAM, ['version']).status === 0;
if (!hasTerraform) console.warn('SKIPPED: no terraform here, so it does not judge the form of deploy/terraform.');
(hasTerraform ? test : test.skip)(
  'terraform finds the files well-formed',
  async () => {
    await execute(PROGRAM, ['fmt', '-check', '-recursive', '-diff', module], {
      env: { ...process.env, CHECKPOINT_DISABLE: '1' },
    });
  },
  60_000,
);

const bindings = process.env.COURIER_TERRAFORM_BINDINGS;
if (!bindings)
  console.warn(
    'SKIPPED: COURIER_TERRAFORM_BINDINGS names no folder for 30 MB of bindings, so the names on file are taken as they are.',
  );
(bindings ? test : test.skip)(
  'the names on file are those of the published bindings',
  async () => {
    const before = readFileSync(join(root, 'test/fixtures/terraform-names.json'), 'utf8');
    await execute(process.execPath, [join(root, 'scripts/terraform-names.ts'), bindings ?? '']);
    expect(readFileSync(join(root, 'test/fixtures/terraform-names.json'), 'utf8')).toBe(before);
  },
  300_000,
);
