import { existsSync, readFileSync } from 'node:fs';
import type { Mutant } from './mutants.ts';

/** A mutant that behaves like the original. It is identified by its change, not by its line number. */
export interface Equivalent {
  file: string;
  /** The functions around it, as the report names them. */
  within: string;
  /** The line, trimmed. */
  text: string;
  before: string;
  after: string;
  /** Which one, if several match all of this; default: the first. */
  nth?: number;
  /** Why no test can distinguish it from the original, or why none should. */
  reason: string;
}

export const readEquivalents = (path: string): Equivalent[] =>
  existsSync(path) ? (JSON.parse(readFileSync(path, 'utf8')) as Equivalent[]) : [];

const isSame = (one: Equivalent, other: Mutant): boolean =>
  one.file === other.file &&
  one.within === other.within &&
  one.text === other.text &&
  one.before === other.before &&
  one.after === other.after &&
  (one.nth ?? 1) === other.nth;

export const reasonOf = (equivalents: readonly Equivalent[], mutant: Mutant): string | undefined =>
  equivalents.find((equivalent) => isSame(equivalent, mutant))?.reason;

/** Entries of checked files that no longer match any mutant, because the code has changed. */
export const staleOf = (equivalents: readonly Equivalent[], mutants: readonly Mutant[]): Equivalent[] => {
  const files = new Set(mutants.map(({ file }) => file));
  return equivalents.filter((one) => files.has(one.file) && !mutants.some((mutant) => isSame(one, mutant)));
};
