/** Something that is to be said of one value of the document. */
export interface Remark {
  path: PropertyKey[];
  message: string;
}

interface Tidied {
  value: unknown;
  /** What was put right without changing what the operator means. */
  notes: Remark[];
  faults: Remark[];
}

/** Whole texts in quotes, as they come from a shell or an env file that does not take them away. */
const QUOTED = /^(?:"[^"]*"|'[^']*'|“[^”]*”|‘[^’]*’|`[^`]*`)$/;

/** Of a folder's own name, which may be anything. */
const isFreeText = (path: readonly PropertyKey[]): boolean => path.at(-1) === 'path';

const tidyText = (text: string, path: PropertyKey[]): Tidied => {
  const trimmed = text.trim();
  const notes = trimmed === text ? [] : [{ path, message: 'white space (or a newline) around the value was dropped' }];
  if (!QUOTED.test(trimmed) || isFreeText(path)) return { value: trimmed, notes, faults: [] };
  // What is in them is checked as well, so that all that is wrong is told at once.
  const value = trimmed.slice(1, -1);
  return { value, notes, faults: [{ path, message: `has quotes in the value itself: write ${value} without them` }] };
};

/**
 * The document with white space around its texts dropped; nothing in it means anything with it. Quotes around a value are a
 * fault: such a value never matches.
 */
export const tidy = (value: unknown, path: PropertyKey[] = []): Tidied => {
  if (typeof value === 'string') return tidyText(value, path);
  if (typeof value !== 'object' || value === null || value instanceof Date) return { value, notes: [], faults: [] };
  const isList = Array.isArray(value);
  const entries = Object.entries(value).map(([key, item]): [string, Tidied] => [
    key,
    tidy(item, [...path, isList ? Number(key) : key]),
  ]);
  return {
    value: isList
      ? entries.map(([, { value }]) => value)
      : Object.fromEntries(entries.map(([key, { value }]) => [key, value])),
    notes: entries.flatMap(([, { notes }]) => notes),
    faults: entries.flatMap(([, { faults }]) => faults),
  };
};
