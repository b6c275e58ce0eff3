// Writes the reference part of docs/client.md from the library's docstrings and the command's help. With --check, exits with 1
// if the page is out of date.
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { runProgram } from '../src/client/program.ts';
import { clientTypes } from './build/client-types.ts';
import { typesReference } from './client-reference/types.ts';

const root = fileURLToPath(new URL('../', import.meta.url));
const PAGE = `${root}docs/client.md`;
const START = '<!-- reference: made by "npm run docs", do not edit -->\n';
const END = '<!-- /reference -->';

const helpOf = async (...words: string[]): Promise<string> => {
  const texts: string[] = [];
  const write = (text: string | Uint8Array): boolean => texts.push(String(text)) > 0;
  await runProgram([...words, '--help'], {
    env: {},
    stdin: (async function* () {})(),
    stdout: { write },
    stderr: { write },
    signal: new AbortController().signal,
    now: () => 0,
  });
  return texts.join('');
};

/** The names in the list of commands of a help text; "help" is commander's own. */
const commandsIn = (help: string): string[] =>
  [...(help.split('\nCommands:\n')[1]?.split('\n\n')[0] ?? '').matchAll(/^ {2}([a-z]+)\b/gm)]
    .map(([, name = '']) => name)
    .filter((name) => name !== 'help');

/** Every command has the same global options, which are listed once. */
const withoutGlobals = (help: string): string => help.replace(/\nGlobal Options:\n(.+\n)+/, '');

const commandReference = async (): Promise<string> => {
  const help = await helpOf();
  const sections = [`\`\`\`text\n${help.trimEnd()}\n\`\`\``];
  for (const name of commandsIn(help)) {
    const own = await helpOf(name);
    const subcommands = commandsIn(own).map((each) => [name, each]);
    for (const words of [[name], ...subcommands]) {
      const text = withoutGlobals(await helpOf(...words)).trimEnd();
      sections.push(`### courier ${words.join(' ')}\n\n\`\`\`text\n${text}\n\`\`\``);
    }
  }
  return sections.join('\n\n');
};

const page = readFileSync(PAGE, 'utf8');
const [start, end] = [page.indexOf(START), page.indexOf(END)];
if (start === -1 || end === -1) throw new Error(`docs/client.md lacks ${START.trim()} … ${END}`);
const reference = `## Commands\n\n${await commandReference()}\n\n## Library reference\n\n${typesReference(await clientTypes(root))}\n`;
const wanted = `${page.slice(0, start)}${START}\n${reference}\n${page.slice(end)}`;

if (process.argv.includes('--check')) {
  if (page !== wanted)
    console.error('docs/client.md differs from the docstrings and help texts of src/client; run "npm run docs"');
  process.exitCode = page === wanted ? 0 : 1;
} else if (page !== wanted) {
  writeFileSync(PAGE, wanted);
}
