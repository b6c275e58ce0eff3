import { readFileSync } from 'node:fs';

/** A command of a page, and the output that the page shows below it. */
export interface Shown {
  /** The headings above it: `From AWS`. */
  heading: string;
  command: string;
  output: string;
}

const TRANSCRIPT = /^```text\n\$ (.+)\n([\s\S]*?)^```$/gm;
const HEADING = /^#+ (.+)$/gm;

/** The transcripts of a page: `text` blocks that begin with a prompt. */
export const shownIn = (page: string): Shown[] =>
  [...page.matchAll(TRANSCRIPT)].map(({ index, 1: command = '', 2: output = '' }) => ({
    heading: [...page.slice(0, index).matchAll(HEADING)].at(-1)?.[1] ?? '',
    ...{ command, output },
  }));

/** The first block of this language on a page. */
export const blockOf = (page: string, language: string): string => {
  const [, text] = new RegExp(`^\`\`\`${language}\\n([\\s\\S]*?)^\`\`\`$`, 'm').exec(page) ?? [];
  if (text === undefined) throw new Error(`the page has no ${language} block`);
  return text;
};

/** Drive's ids: long, with digits and capital letters. */
const isDriveId = (text: string): boolean => /\d/.test(text) && /[A-Z]/.test(text);

/** Texts that differ from run to run or from machine to machine, and the text that replaces each before two outputs are compared. */
const VARYING: readonly [RegExp, (found: string) => string][] = [
  [/(?<=127\.0\.0\.1:)\d+/g, () => 'PORT'],
  [/\/tmp\/[\w./-]+/g, () => 'FILE'],
  [/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z/g, () => 'TIME'],
  [/\b[\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12}\b|\b[\da-f]{32}\b(?!")/g, () => 'ID'],
  [/(?<![\w.@/-])\d{21}\b/g, () => 'NUMBER'],
  [/(?<=[/"])[\w-]{19,44}(?=[/"])/g, (found) => (isDriveId(found) ? 'ID' : found)],
  [/\d+(?= MiB of buffers)/g, () => 'SIZE'],
];

/** An output without what differs from run to run. */
export const constantPartOf = (output: string): string =>
  VARYING.reduce((text, [pattern, replacement]) => text.replace(pattern, replacement), output).trim();

/** The page with other outputs below its commands, in the same order. */
export const withOutputs = (page: string, outputs: readonly string[]): string => {
  let at = 0;
  return page.replace(
    TRANSCRIPT,
    (_, command: string) => `\`\`\`text\n$ ${command}\n${(outputs[at++] ?? '').trimEnd()}\n\`\`\``,
  );
};

export const pageAt = (path: string): string => readFileSync(path, 'utf8');
