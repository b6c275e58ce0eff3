import { existsSync, readFileSync } from 'node:fs';
import type { Mutant } from './mutants.ts';

/** A mutant that does what the original does, as far as anybody can tell; known by what it changes, not by its line number. */
export interface Equivalent {
  file: string;
  /** The functions it stands in, as the report names them. */
  within: string;
  /** The line, trimmed. */
  text: string;
  before: string;
  after: string;
  /** Which one, where several have all of this in common; default: the first. */
  nth?: number;
  /** Why no test can tell it from the original, or why none should. */
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

/** Entries of files that are looked at and that match no mutant any more: the code has gone on. */
export const staleOf = (equivalents: readonly Equivalent[], mutants: readonly Mutant[]): Equivalent[] => {
  const files = new Set(mutants.map(({ file }) => file));
  return equivalents.filter((one) => files.has(one.file) && !mutants.some((mutant) => isSame(one, mutant)));
};
