import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Lock, nameOf } from './lockfile.ts';

const LICENCE = /^(licen[cs]e|copying|notice)(?![a-z])/i;
const SOURCE = /\.(js|ts|json|cjs|mjs)$/i;

/** The licence and notice files of a package. */
const textOf = async (folder: string): Promise<string> => {
  const files = (await readdir(folder)).filter((file) => LICENCE.test(file) && !SOURCE.test(file)).sort();
  const texts = await Promise.all(files.map((file) => readFile(join(folder, file), 'utf8')));
  return texts.map((text) => text.replace(/\r\n/g, '\n').trim()).join('\n\n');
};

/** For a package without a licence file: the licence in its package.json. */
const statementOf = async (folder: string): Promise<string> => {
  const { author, contributors, license } = JSON.parse(await readFile(join(folder, 'package.json'), 'utf8'));
  const people = [author, ...(Array.isArray(contributors) ? contributors : [])]
    .map((person) => (typeof person === 'object' && person !== null ? person.name : person))
    .filter((person) => typeof person === 'string' && person !== '');
  return `This package has no licence file. Its package.json says: ${license}${people.length > 0 ? `; by ${people.join(', ')}` : ''}.`;
};

/** The notices that the licences of bundled packages require. Packages with the same text share one entry. */
export const noticesOf = async (root: string, lock: Lock, folders: readonly string[]): Promise<string> => {
  const byText = new Map<string, string[]>();
  for (const folder of folders) {
    const path = join(root, folder);
    const text = (await textOf(path)) || (await statementOf(path));
    const { version, license } = lock.get(folder) ?? {};
    const title = `${nameOf(folder)} ${version} (${license})`;
    const titles = byText.get(text) ?? [];
    if (!titles.includes(title)) byText.set(text, [...titles, title]);
  }
  const sections = [...byText].map(([text, titles]) => `${titles.join('\n')}\n\n${text}\n`);
  return `Software of others in this folder, and its licences.\n\n${sections.join(`\n${'-'.repeat(80)}\n\n`)}`;
};
