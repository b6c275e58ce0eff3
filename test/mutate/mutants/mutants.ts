import { createHash } from 'node:crypto';
import ts from 'typescript';
import { changesOf } from './operators.ts';
import { regionAt, regionsOf } from './regions.ts';

/** One changed line of one source file. */
export interface Mutant {
  /** The same for the same change to the same text of a file. */
  id: string;
  file: string;
  /** Starts at 1. */
  line: number;
  operator: string;
  /** The functions around it, outermost first. */
  within: string;
  /** The whole line, trimmed. */
  text: string;
  before: string;
  after: string;
  /** Its number among those with all of this in common, starting at 1. */
  nth: number;
  /** The innermost region of the file that contains the change; see `regions.ts`. */
  region: number;
  /** The whole file with the change applied. */
  mutated: string;
}

export const digest = (...parts: readonly string[]): string =>
  createHash('sha256').update(JSON.stringify(parts)).digest('hex').slice(0, 16);

export const parse = (file: string, text: string): ts.SourceFile =>
  ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true, ts.ScriptKind.TS);

const oneLine = (text: string): string => text.replaceAll(/\s+/g, ' ').trim();

const nameOf = (node: ts.Node): string | undefined => {
  const isNamed =
    ts.isFunctionDeclaration(node) ||
    ts.isMethodDeclaration(node) ||
    ts.isVariableDeclaration(node) ||
    ts.isPropertyAssignment(node) ||
    ts.isClassDeclaration(node);
  return isNamed ? oneLine(node.name?.getText() ?? '') : undefined;
};

const withinOf = (source: ts.SourceFile, start: number, end: number): string => {
  const names: string[] = [];
  const visit = (node: ts.Node): void => {
    if (node.getStart(source) > start || node.end < end) return;
    const name = nameOf(node);
    if (name !== undefined) names.push(name);
    ts.forEachChild(node, visit);
  };
  visit(source);
  return names.join(' > ');
};

/** All mutants of a file. @param file its path below the project's root */
export const mutantsOf = (file: string, text: string): Mutant[] => {
  const source = parse(file, text);
  const regions = regionsOf(source);
  const lines = text.split('\n');
  const counts = new Map<string, number>();
  return changesOf(source).map(({ operator, start, end, after }) => {
    const { line } = source.getLineAndCharacterOfPosition(start);
    const what = {
      within: withinOf(source, start, end),
      text: (lines[line] ?? '').trim(),
      before: oneLine(text.slice(start, end)),
      after: oneLine(after),
    };
    const key = digest(...Object.values(what));
    const nth = (counts.get(key) ?? 0) + 1;
    counts.set(key, nth);
    return {
      id: digest(file, text, operator, String(start), String(end), after),
      file,
      line: line + 1,
      operator,
      ...what,
      nth,
      region: regionAt(regions, start, end),
      mutated: text.slice(0, start) + after + text.slice(end),
    };
  });
};
