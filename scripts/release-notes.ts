// Prints the section of CHANGELOG.md for a version: `node scripts/release-notes.ts [VERSION]` (default: package.json's).
// Exits with 1 if there is none.
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../', import.meta.url));

/** The text below the heading `## VERSION`, up to the next heading of that level; undefined if it is missing or empty. */
export const notesOf = (changelog: string, version: string): string | undefined => {
  const sections = changelog.split(/^## /m).slice(1);
  const section = sections.find((each) => each.split(/\s/, 1)[0] === version);
  const text = section?.slice(section.indexOf('\n')).trim();
  return text === '' ? undefined : text;
};

const run = (version: string): void => {
  const notes = notesOf(readFileSync(`${root}CHANGELOG.md`, 'utf8'), version);
  if (notes === undefined) {
    console.error(`CHANGELOG.md has no section for ${version}.`);
    process.exitCode = 1;
    return;
  }
  console.log(notes);
};

if (import.meta.main) {
  const { version } = JSON.parse(readFileSync(`${root}package.json`, 'utf8')) as { version: string };
  run(process.argv[2] ?? version);
}
