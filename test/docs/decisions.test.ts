import { expect, test } from '@jest/globals';
import { PAGES } from '../support/pages.ts';

/** docs/decisions/: one format for every record, and a complete index. */

const FOLDER = 'docs/decisions/';
const index = PAGES.find(({ path }) => path === `${FOLDER}README.md`)?.text ?? '';
const records = PAGES.filter(({ path }) => path.startsWith(FOLDER) && !path.endsWith('README.md'));

test('there are records', () => expect(records.length).toBeGreaterThan(30));

test.each(records.map(({ path, text }) => [path, text] as const))(
  '%s is in the index, and has the required sections',
  (path, text) => {
    const [, title = '', date = ''] = /^# (.+)\n\nDate: (\d{4}-\d{2}-\d{2})\b/.exec(text) ?? [];
    expect(index).toContain(`| [${title}](${path.slice(FOLDER.length)}) | ${date} |`);
    const sections = [...text.matchAll(/^## (.+)$/gm)].map(([, name]) => name);
    expect(sections).toEqual(expect.arrayContaining(['Context', 'Decision', 'Alternatives', 'Consequences']));
  },
);
