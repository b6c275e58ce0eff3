import { closeSync, mkdirSync, openSync, readFileSync, renameSync, writeFileSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';

/** Records of one kind by ID. They are kept in memory, and in a journal that is read at the next start. */
export interface Records<T> {
  all(): MapIterator<T>;
  get(id: string): T | undefined;
  put(id: string, record: T): void;
  remove(id: string): void;
  readonly size: number;
  /** Closes the journal. A later change opens it again. */
  close(): void;
}

/** A line of the journal: the new value of a record, or no record when it was removed. */
interface Entry<T> {
  id: string;
  record?: T;
}

const lineOf = <T>(entry: Entry<T>): string => `${JSON.stringify(entry)}\n`;

/** After a kill, the last line may be incomplete. It is ignored, and the record keeps its previous value. */
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
 * Opens the journal `PATH.jsonl` and rewrites it without outdated lines. Each change appends a line to the open file.
 * One file per record would cost several times as much as the rest of a call.
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
