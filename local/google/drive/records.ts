import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** JSON records of one kind, each a file of its own, so that a crash between two writes harms at most the one being written. */
export interface Records<T> {
  all(): IterableIterator<T>;
  get(id: string): T | undefined;
  put(id: string, record: T): void;
  remove(id: string): void;
  readonly size: number;
}

/** Loads what the folder holds, and keeps it in step. Written whole and renamed into place: never half a record. */
export function openRecords<T>(folder: string): Records<T> {
  mkdirSync(folder, { recursive: true });
  const records = new Map<string, T>();
  const pathOf = (id: string): string => join(folder, `${encodeURIComponent(id)}.json`);
  for (const name of readdirSync(folder)) {
    if (!name.endsWith('.json')) continue;
    const id = decodeURIComponent(name.slice(0, -'.json'.length));
    records.set(id, JSON.parse(readFileSync(join(folder, name), 'utf8')) as T);
  }
  return {
    all: () => records.values(),
    get: (id) => records.get(id),
    put: (id, record) => {
      const path = pathOf(id);
      writeFileSync(`${path}.new`, JSON.stringify(record, undefined, 1));
      renameSync(`${path}.new`, path);
      records.set(id, record);
    },
    remove: (id) => {
      if (records.delete(id)) rmSync(pathOf(id), { force: true });
    },
    get size() {
      return records.size;
    },
  };
}
