// node find-policy.mjs WANTED EXISTING
// Finds the existing alert policy (in a JSON list) that the wanted one (a JSON file) updates. Prints a line with its resource
// name and a line with its JSON, or nothing if there is none.
// A policy is found by its label, so that its title can change. Policies of earlier versions have no label: they are found by
// their title, or by one that this policy had before (former-titles.json).
import { readFileSync } from 'node:fs';

const LABEL = 'drive-courier-alert';
const read = (path) => JSON.parse(readFileSync(path, 'utf8'));

const [wantedPath, existingPath] = process.argv.slice(2);
const wanted = read(wantedPath);
const existing = read(existingPath);
const id = wanted.userLabels?.[LABEL];
const formerTitles = read(new URL('./former-titles.json', import.meta.url))[id] ?? [];

const withLabel = (policy) => id !== undefined && policy.userLabels?.[LABEL] === id;
const withTitle = (title) => (policy) => policy.userLabels?.[LABEL] === undefined && policy.displayName === title;

const found = [withLabel, withTitle(wanted.displayName), ...formerTitles.map(withTitle)]
  .map((isSame) => existing.find(isSame))
  .find((policy) => policy !== undefined);
if (found !== undefined) process.stdout.write(`${found.name}\n${JSON.stringify(found)}`);
