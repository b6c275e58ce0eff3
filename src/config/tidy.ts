/** A message about one value of the document. */
export interface Remark {
  path: PropertyKey[];
  message: string;
}

interface Tidied {
  value: unknown;
  /** Corrections that don't change the meaning. */
  notes: Remark[];
  faults: Remark[];
}

/** A whole value in quotes, as a shell or an env file may leave it. */
const QUOTED = /^(?:"[^"]*"|'[^']*'|“[^”]*”|‘[^’]*’|`[^`]*`)$/;

/** True for the names of files and folders, which may contain anything. */
const isFreeText = (path: readonly PropertyKey[]): boolean => ['path', 'name'].includes(String(path.at(-1)));

const tidyText = (text: string, path: PropertyKey[]): Tidied => {
  const trimmed = text.trim();
  const notes = trimmed === text ? [] : [{ path, message: 'white space or a newline around the value was removed' }];
  if (!QUOTED.test(trimmed) || isFreeText(path)) return { value: trimmed, notes, faults: [] };
  // The value without quotes is used for the other checks, so that all faults are reported at once.
  const value = trimmed.slice(1, -1);
  return { value, notes, faults: [{ path, message: `contains its quotes: write ${value} without quotes` }] };
};

/**
 * The document without white space around its strings, where it never has a meaning. Quotes that are part of a value are a
 * fault, because such a value never matches.
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
