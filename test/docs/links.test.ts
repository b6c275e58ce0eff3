import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { PAGES, type Page, REPOSITORY } from '../support/pages.ts';

/**
 * The anchors of headings as GitHub makes them: lower case, without punctuation, spaces as hyphens, and "-1" for the
 * second of a name.
 */
const anchorsOf = ({ prose, text }: Pick<Page, 'prose' | 'text'>): string[] => {
  const seen = new Map<string, number>();
  const headings = [...text.replace(/^ *```[\s\S]*?^ *```$/gm, '').matchAll(/^#{1,6} (.+)$/gm)];
  const own = [...prose.matchAll(/<a (?:id|name)="([^"]+)"/g)].map(([, id = '']) => id);
  return headings
    .map(([, heading = '']) => {
      const words = heading.replace(/\[([^\]]*)\]\([^)]*\)/g, '$1').toLowerCase();
      const slug = words.replace(/[^\p{L}\p{N}\s_-]/gu, '').replace(/\s/g, '-');
      const count = seen.get(slug) ?? 0;
      seen.set(slug, count + 1);
      return count === 0 ? slug : `${slug}-${count}`;
    })
    .concat(own);
};

const linksOf = ({ prose }: Pick<Page, 'prose'>): string[] =>
  [...prose.matchAll(/\]\(([^)\s]+)\)/g)].map(([, target = '']) => target);

/** Why a link is dead; undefined if it is valid or external. */
const faultOf = (page: Pick<Page, 'path' | 'text' | 'prose'>, link: string): string | undefined => {
  if (/^https:\/\/[\w.-]+\.[a-z]+(\/|$)/.test(link)) return undefined;
  if (/^[a-z]+:/.test(link)) return `${page.path}: ${link} is no address for a page`;
  const [file = '', anchor] = link.split('#');
  const path = file === '' ? page.path : normalize(join(dirname(page.path), file));
  if (path.startsWith('..') || !existsSync(join(REPOSITORY, path))) return `${page.path}: ${link} is not there`;
  if (anchor === undefined) return undefined;
  const text = readFileSync(join(REPOSITORY, path), 'utf8');
  return anchorsOf({ text, prose: text }).includes(anchor) ? undefined : `${page.path}: ${link} has no such heading`;
};

test('no page has a dead link', () => {
  expect(PAGES.map(({ path }) => path)).toEqual(expect.arrayContaining(['README.md', 'docs/deploy.md', 'SECURITY.md']));
  const links = PAGES.flatMap((page) => linksOf(page).map((link) => [page, link] as const));
  expect(links.length).toBeGreaterThan(60);
  expect(links.flatMap(([page, link]) => faultOf(page, link) ?? [])).toEqual([]);
});

test('README links to every page of docs/', () => {
  const readme = PAGES.find(({ path }) => path === 'README.md');
  const linked = readme === undefined ? [] : linksOf(readme).map((link) => link.replace(/#.*/, ''));
  const pages = PAGES.filter(({ path }) => /^docs\/[^/]+\.md$/.test(path)).map(({ path }) => path);
  expect(pages.filter((path) => !linked.includes(path))).toEqual([]);
});

const FOLDERS = 'clients|src|test|local|docs|deploy|examples|bench|scripts|bin';

test('every file that a page names exists', () => {
  const named = PAGES.flatMap(({ path, text }) =>
    [...text.matchAll(new RegExp(`(?<=[\`(\\s])(?:${FOLDERS})/[\\w./-]*\\w/?(?=[\`)\\s,;:])`, 'g'))].map(
      ([name]) => [path, name] as const,
    ),
  );
  expect(named.length).toBeGreaterThan(40);
  expect(
    named.filter(
      ([page, name]) => ![name, join(dirname(page), name)].some((file) => existsSync(join(REPOSITORY, file))),
    ),
  ).toEqual([]);
});

describe('the check itself', () => {
  const page = { path: 'docs/x.md', text: '', prose: '' };

  test.each<[string, string | undefined]>([
    ['deploy.md', undefined],
    ['../README.md#send-a-file', undefined],
    ['callers.md#on-aws', undefined],
    ['nowhere.md', 'is not there'],
    ['../../etc/passwd', 'is not there'],
    ['callers.md#nowhere', 'has no such heading'],
    ['http://example.com', 'is no address'],
  ])('%s', (link, fault) => {
    expect(faultOf(page, link)).toEqual(fault === undefined ? undefined : expect.stringContaining(fault));
  });

  test('supports the anchors of headings', () => {
    const text = '# One, two\n```sh\n# no heading\n```\n## `a` [b](c)\n## One two\n';
    expect(anchorsOf({ text, prose: text })).toEqual(['one-two', 'a-b', 'one-two-1']);
  });
});
