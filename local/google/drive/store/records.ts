import { closeSync, mkdirSync, openSync, readFileSync, renameSync, writeFileSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';

/** Records of one kind by id, in memory for reading and in a journal for the next start. */
export interface Records<T> {
  all(): MapIterator<T>;
  get(id: string): T | undefined;
  put(id: string, record: T): void;
  remove(id: string): void;
  readonly size: number;
  /** Lets go of the journal. Whatever changes later opens it again. */
  close(): void;
}

/** A line: what a record is from now on; without one it is gone. */
interface Entry<T> {
  id: string;
  record?: T;
}

const lineOf = <T>(entry: Entry<T>): string => `${JSON.stringify(entry)}\n`;

/** The last line of a killed process may be half a line: the record is then what it was before. */
function* entriesIn<T>(path: string): Generator<Entry<T>> {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch {
    return;
  }
  for (const line of text.split('\n').slice(0, -1)) yield JSON.parse(line) as Entry<T>;
}

/**
 * Opens the journal `PATH.jsonl`, made anew without what has been overtaken. One line is appended for each change, to a file
 * that stays open: a file for each record costs several times what all the rest of a call does.
 */
export function openRecords<T>(path: string): Records<T> {
  const journal = `${path}.jsonl`;
  mkdirSync(dirname(journal), { recursive: true });
  const records = new Map<string, T>();
  for (const { id, record } of entriesIn<T>(journal)) {
    if (record === undefined) records.delete(id);
    else records.set(id, record);
  }
  writeFileSync(`${journal}.new`, [...records].map(([id, record]) => lineOf({ id, record })).join(''));
  renameSync(`${journal}.new`, journal);
  let appending: number | undefined;
  const append = (entry: Entry<T>): void => {
    appending ??= openSync(journal, 'a');
    writeSync(appending, lineOf(entry));
  };
  return {
    all: () => records.values(),
    get: (id) => records.get(id),
    put: (id, record) => {
      append({ id, record });
      records.set(id, record);
    },
    remove: (id) => {
      if (records.delete(id)) append({ id });
    },
    get size() {
      return records.size;
    },
    close: () => {
      if (appending !== undefined) closeSync(appending);
      appending = undefined;
    },
  };
}
