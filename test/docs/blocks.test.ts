import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from '@jest/globals';
import { parse } from 'yaml';
import { readConfig } from '../../src/config/config.ts';
import { exportDocument } from '../../src/exports/export-document.ts';
import { openApiDocument } from '../../src/http/openapi/openapi.ts';
import { gcloudCommandsIn, hasGcloud, lintGcloud } from '../support/deploy/gcloud-lint.ts';
import { type Block, blocksIn, PAGES, REPOSITORY } from '../support/pages.ts';
import { commandsIn, type ShellCommand } from '../support/deploy/shell-commands.ts';

/**
 * Compares every code block in README and docs with the implementation. README's calls are run by test/e2e/examples.
 */

const folder = mkdtempSync(join(tmpdir(), 'courier-docs-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const shell = blocksIn('sh');
const commands = shell.flatMap(({ where, text }) => commandsIn(text).map((command) => ({ where, ...command })));

test('every block has a language that is checked', () => {
  const languages = new Set(PAGES.flatMap(({ blocks }) => blocks.map(({ language }) => language)));
  // A text block is no code: it shows output or a picture. test/build/client-package.test.ts compiles the ts blocks.
  expect([...languages].toSorted()).toEqual(['json', 'mermaid', 'python', 'sh', 'text', 'ts', 'yaml']);
});

describe('shell', () => {
  test.each(shell.map(({ where, text }) => [where, text]))('bash can parse %s', (_, text) => {
    expect(spawnSync('bash', ['-n'], { input: text, encoding: 'utf8' })).toMatchObject({ status: 0, stderr: '' });
  });

  const hasShellcheck = spawnSync('shellcheck', ['--version']).status === 0;
  if (!hasShellcheck) console.warn('SKIPPED: no shellcheck here, so it does not judge the shell of README and docs/.');
  (hasShellcheck ? test : test.skip)(
    'shellcheck warns of nothing; what one block sets the next ones of its page have',
    () => {
      const scripts = PAGES.flatMap(({ path, blocks }) => {
        const own = blocks.filter(({ language }) => language === 'sh');
        if (own.length === 0) return [];
        const file = join(folder, `${path.replaceAll('/', '-')}.sh`);
        writeFileSync(file, own.map(({ text }) => text).join('\n'));
        return [file];
      });
      expect(scripts.length).toBeGreaterThan(5);
      const { status, stdout } = spawnSync(
        'shellcheck',
        // The reader sets COURIER_URL.
        ['--shell=bash', '--severity=warning', '--exclude=SC2154', ...scripts],
        { encoding: 'utf8' },
      );
      expect([status, stdout]).toEqual([0, '']);
    },
  );

  if (!hasGcloud)
    console.warn('SKIPPED: gcloud is not installed, so it cannot look at the commands of README and docs/');
  (hasGcloud ? test : test.skip)(
    'gcloud knows every command of its own',
    async () => {
      const own = [...new Set(shell.flatMap(({ text }) => gcloudCommandsIn(text)))];
      expect(own.length).toBeGreaterThan(50);
      expect(await lintGcloud(own)).toEqual([]);
    },
    300_000,
  );
});

const scripts = (
  JSON.parse(readFileSync(join(REPOSITORY, 'package.json'), 'utf8')) as { scripts: Record<string, string> }
).scripts;
const help = new Map<string, string>();
const helpOf = (...subcommand: string[]): string => {
  const text =
    help.get(subcommand.join()) ??
    execFileSync(process.execPath, [join(REPOSITORY, 'bin/courier.js'), ...subcommand, '--help'], { encoding: 'utf8' });
  help.set(subcommand.join(), text);
  return text;
};
const optionsOf = (words: readonly string[]): string[] =>
  words.filter((word) => /^--[a-z]/.test(word)).map((word) => word.split('=')[0] ?? '');

/** The problem with a command, according to the program that it starts. Other programs are not checked here. */
const judges: Record<string, (words: readonly string[]) => string | undefined> = {
  // By gcloud itself, above.
  gcloud: () => undefined,
  npm: ([verb = '', script = '', ...rest]) => {
    if (['install', 'test', 'link', 'start'].includes(verb)) return undefined;
    const [, file] = /^node (\S+\.ts)/.exec(scripts[script] ?? '') ?? [];
    if (verb !== 'run' || scripts[script] === undefined) return 'is no script of package.json';
    const source = file === undefined ? '' : readFileSync(join(REPOSITORY, file), 'utf8');
    const unknown = optionsOf(rest).filter((option) => !new RegExp(`\\b'?${option.slice(2)}'?\\b`).test(source));
    return unknown.length === 0 ? undefined : `has no ${unknown}`;
  },
  courier: ([subcommand = '', ...rest]) => {
    if (!new RegExp(`^ {2}${subcommand}\\b`, 'm').test(helpOf())) return 'is no command of the client';
    const known = `${helpOf()}${helpOf(subcommand)}`;
    const unknown = optionsOf(rest).filter((option) => !new RegExp(`${option}\\b(?!-)`).test(known));
    return unknown.length === 0 ? undefined : `has no ${unknown}`;
  },
  npx: ([program = '', ...rest]) => (program === 'courier' ? judges.courier?.(rest) : 'is no program of ours'),
  // README's block is run in test/e2e/examples, the one of the redrive in test/exports.
  curl: () => undefined,
  bq: () => undefined,
  mkdir: () => undefined,
  cat: ([path = '']) => (existsSync(join(REPOSITORY, path)) ? undefined : `there is no ${path}`),
  // The reader provides the credentials file.
  cp: (words) =>
    words
      .filter((word) => !word.startsWith('-') && word !== 'google-credentials.json')
      .slice(0, -1)
      .find((word) => !existsSync(join(REPOSITORY, word))),
  python3: ([script = '']) =>
    script === '-m' || existsSync(join(REPOSITORY, script)) ? undefined : `there is no ${script}`,
  pip: (words) => words.find((word) => word.startsWith('./') && !existsSync(join(REPOSITORY, word, 'pyproject.toml'))),
  jq: () => undefined,
  rm: () => undefined,
  git: ([verb = '']) => (['pull', 'rev-parse'].includes(verb) ? undefined : 'is no command that a page needs'),
  date: () => undefined,
  docker: (words) => words.find((word, at) => words[at - 1] === '-f' && !existsSync(join(REPOSITORY, word))),
  terraform: ([folder = '', ...rest]) => {
    const path = join(REPOSITORY, folder.replace(/^-chdir=/, ''), 'main.tf');
    if (!folder.startsWith('-chdir=') || !existsSync(path)) return `there is no ${path}`;
    const variables = rest.filter((_, at) => rest[at - 1] === '-var').map((word) => word.split('=')[0] ?? '');
    return variables.find((name) => !readFileSync(path, 'utf8').includes(`variable "${name}"`));
  },
  export: () => undefined,
  aws: (words) =>
    words.find((word) => word.startsWith('file://') && !existsSync(join(REPOSITORY, word.slice('file://'.length)))),
};

/** The project's scripts report what they would do. For those that cannot, the file must exist. */
const runsDry = new Set(['deploy/deploy.sh', 'deploy/aws/trust-aws.sh']);
const judgeScript = (script: string, words: readonly string[]): string | undefined => {
  if (!existsSync(join(REPOSITORY, script))) return 'is not there';
  if (!runsDry.has(script)) return undefined;
  const { status, stderr } = spawnSync('bash', [join(REPOSITORY, script), ...words, '--dry-run'], {
    cwd: folder,
    encoding: 'utf8',
  });
  return status === 0 ? undefined : stderr;
};

const faultOf = ({ program, words }: ShellCommand): string | undefined => {
  if (program.includes('/')) return judgeScript(program, words);
  const judge = judges[program];
  return judge === undefined ? 'is a program that no test looks at' : judge(words);
};

describe('commands', () => {
  test('every one starts a program that is checked, with valid options', () => {
    expect(commands.length).toBeGreaterThan(80);
    const faults = commands.map(({ where, ...command }) => [
      where,
      command.program,
      command.words[0],
      faultOf(command),
    ]);
    expect(faults.filter(([, , , fault]) => fault !== undefined)).toEqual([]);
  }, 120_000);

  test('every npm script on a page exists', () => {
    const spoken = PAGES.flatMap(({ path, text }) =>
      [...text.matchAll(/npm run ([\w:-]+)/g)].map(([, name = '']) => [path, name] as const),
    );
    expect(spoken.length).toBeGreaterThan(10);
    expect(spoken.filter(([, name]) => scripts[name] === undefined)).toEqual([]);
  });

  test.each<[string, string]>([
    ['courier send x --frobnicate', 'has no --frobnicate'],
    ['courier sned x', 'is no command'],
    ['npm run nothing', 'is no script'],
    ['npm run google -- --nowhere 1', 'has no --nowhere'],
    ['deploy/nothing.sh', 'is not there'],
    ['deploy/deploy.sh --project my-project', 'Pass --region'],
    ['frobnicate now', 'no test looks at'],
  ])('the check itself detects %s', (text, fault) => {
    expect(commandsIn(text).map(faultOf)).toEqual([expect.stringContaining(fault)]);
  });
});

interface Fragment {
  audiences?: unknown;
  destinations?: Record<string, Record<string, unknown>>;
  credentials?: Record<string, unknown>;
}

/** A page shows an excerpt. The rest gets valid values. */
const completed = ({ text }: Block): object => {
  const fragment = parse(text) as Fragment;
  const credentials = fragment.credentials ?? { main: { adc: true } };
  const [first = ''] = Object.keys(credentials);
  const plain = { folder: '0AbCdEf', credentials: first, callers: ['exporter@my-proj.iam.gserviceaccount.com'] };
  const destinations = Object.entries(fragment.destinations ?? { reports: {} });
  return {
    audiences: ['https://courier.example'],
    ...fragment,
    credentials,
    destinations: Object.fromEntries(destinations.map(([name, own]) => [name, { ...plain, ...own }])),
  };
};

describe('configurations', () => {
  test.each(blocksIn('yaml').map((block) => [block.where, block] as const))('the courier accepts %s', (_, block) => {
    expect(readConfig({ COURIER_CONFIG: JSON.stringify(completed(block)) }).audiences).not.toEqual([]);
  });

  test('the courier accepts the example of docs/configuration.md unchanged, and it shows every setting', () => {
    const [{ text } = { text: '' }] = blocksIn('yaml').filter(({ page }) => page === 'docs/configuration.md');
    const { port: _p, logLevel: _l, ...config } = readConfig({ COURIER_CONFIG: text });
    const shown = Object.keys(parse(text) as object);
    expect(shown).toEqual(
      expect.arrayContaining(['audiences', 'destinations', 'credentials', 'ledger', 'pubsub', 'limits']),
    );
    expect(Object.keys(config)).toEqual(expect.arrayContaining(shown));
  });

  test('the courier accepts the variables that the guide sets by hand', () => {
    const [, list = ''] = /--set-env-vars=(\S+)/.exec(readFileSync(join(REPOSITORY, 'docs/deploy.md'), 'utf8')) ?? [];
    const env = Object.fromEntries(list.split(',').map((pair) => pair.split(/=(.*)/).slice(0, 2)));
    expect(readConfig(env)).toMatchObject({ identity: 'cloud-run-iam', ledger: { firestore: {} } });
  });

  test('docs/configuration.md names every variable that the courier reads', () => {
    const room = join(REPOSITORY, 'src/config');
    const source = readdirSync(room, { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.ts'))
      .map((name) => readFileSync(join(room, name), 'utf8'));
    const names = [...source.join('\n').matchAll(/\b(COURIER_(?!GOOGLE_ORIGIN)\w+)/g)].map(([, name = '']) => name);
    const read = new Set(names);
    const page = readFileSync(join(REPOSITORY, 'docs/configuration.md'), 'utf8');
    expect(read.size).toBeGreaterThan(9);
    expect([...read].filter((name) => !page.includes(`\`${name}\``))).toEqual([]);
  });
});

describe('documents', () => {
  const json = blocksIn('json').map(({ where, text }) => [where, JSON.parse(text) as object] as const);

  test('are a complete receipt or an export document', () => {
    const { properties } = (
      openApiDocument('0') as { components: { schemas: Record<string, { properties: Record<string, unknown> }> } }
    ).components.schemas.Receipt ?? { properties: {} };
    const members = Object.keys(properties).filter((name) => !['warnings', 'once', 'sheet', 'account'].includes(name));
    const [receipts, documents] = [
      json.filter(([, value]) => 'webViewLink' in value),
      json.filter(([, value]) => 'source' in value),
    ];
    expect(members).toContain('sha256');
    expect(receipts.map(([, receipt]) => Object.keys(receipt).toSorted())).toEqual([members.toSorted()]);
    expect(documents.map(([, document]) => exportDocument.safeParse(document).error)).toEqual([undefined]);
    expect(receipts.length + documents.length).toBe(json.length);
  });
});

describe('pictures', () => {
  const pictures = blocksIn('mermaid');

  test.each(pictures.map(({ where, text }) => [where, text]))(
    '%s: each line is an arrow, a node or a remark',
    (_, text) => {
      const [kind = '', ...lines] = text.trimEnd().split('\n');
      const NODE = String.raw`\w+(?:\["[^"]+"\]|\(\["[^"]+"\]\))?`;
      const line = kind.startsWith('flowchart ')
        ? new RegExp(String.raw`^  ${NODE}(?: (?:-->|-- "[^"]+" -->|-\. "[^"]+" \.->) ${NODE})?$`)
        : /^ {2}(?:participant \w as \w+|\w-{1,2}>>\w: \S.*|Note over \w: \S.*)$/;
      expect(kind).toMatch(/^(flowchart (LR|TD)|sequenceDiagram)$/);
      expect(lines.filter((each) => !line.test(each))).toEqual([]);
    },
  );

  test('the one of the modules shows every folder and main file with its name', () => {
    const [inside] = pictures.filter(({ text }) => text.includes('src/courier.ts'));
    const shown = [...(inside?.text ?? '').matchAll(/src\/[\w.-]+\/?/g)].map(([path]) => path);
    expect(shown.filter((path) => !existsSync(join(REPOSITORY, path)))).toEqual([]);
    const rooms = readdirSync(join(REPOSITORY, 'src'), { withFileTypes: true }).filter((each) => each.isDirectory());
    expect(rooms.map(({ name }) => `src/${name}/`).filter((path) => !shown.includes(path))).toEqual([]);
  });
});
