import { globSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** The documentation pages: every Markdown file of the repository. */

export const REPOSITORY = fileURLToPath(new URL('../../', import.meta.url));

export interface Block {
  /** `PATH:LINE` of its first line. */
  where: string;
  page: string;
  language: string;
  text: string;
}

export interface Page {
  /** Relative to the repository's folder. */
  path: string;
  text: string;
  blocks: readonly Block[];
  /** Without fenced blocks and inline code, which contain no links or headings. */
  prose: string;
}

const FENCED = /^ *```(\w*)\n([\s\S]*?)^ *```$/gm;

const readPage = (path: string): Page => {
  const text = readFileSync(`${REPOSITORY}${path}`, 'utf8');
  const blocks = [...text.matchAll(FENCED)].map(({ index, 1: language = '', 2: block = '' }) => {
    const line = text.slice(0, index).split('\n').length + 1;
    return { where: `${path}:${line}`, page: path, language, text: block };
  });
  return { path, text, blocks, prose: text.replace(FENCED, '').replace(/`[^`\n]*`/g, 'code') };
};

const ELSEWHERE = ['node_modules', 'dist', 'coverage', '.git'];

export const PAGES: readonly Page[] = globSync('**/*.md', {
  cwd: REPOSITORY,
  exclude: (name) => ELSEWHERE.includes(name),
})
  .toSorted()
  .map(readPage);

export const blocksIn = (language: string): Block[] =>
  PAGES.flatMap(({ blocks }) => blocks.filter((block) => block.language === language));
