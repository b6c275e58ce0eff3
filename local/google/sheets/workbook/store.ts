import {
  appendFileSync,
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { type Change, changeBetween, changed } from './changes.ts';
import { newWorkbook, type Row, type Workbook } from './model.ts';

/** The content of all spreadsheets by the IDs of their Drive files, in memory and on disk for the next start. */
export interface Workbooks {
  /** A spreadsheet without content of its own has one empty tab. */
  get(fileId: string): Workbook;
  save(fileId: string, workbook: Workbook): void;
  copy(fromId: string, toId: string): void;
  remove(fileId: string): void;
}

/** Rows in one line of the journal. A line must stay far below the longest string of the engine. */
const ROWS_IN_LINE = 5_000;
const READ_BYTES = 1024 * 1024;

/** A line of the journal: rows that belong to the next change, or the change itself. */
type Line = { rows: readonly Row[]; tab: number } | { change: Change };

function* linesIn(path: string): Generator<string> {
  const file = openSync(path, 'r');
  try {
    const buffer = Buffer.alloc(READ_BYTES);
    let parts: Buffer[] = [];
    for (let read = readSync(file, buffer); read > 0; read = readSync(file, buffer)) {
      let start = 0;
      for (let end = buffer.indexOf(10); end >= 0 && end < read; end = buffer.indexOf(10, start)) {
        parts.push(Buffer.from(buffer.subarray(start, end)));
        yield Buffer.concat(parts).toString('utf8');
        parts = [];
        start = end + 1;
      }
      parts.push(Buffer.from(buffer.subarray(start, read)));
    }
  } finally {
    closeSync(file);
  }
}

/** Writes a change in lines of limited length. After a kill, rows without their change are ignored. */
function write(path: string, change: Change): void {
  const small: Change = {
    ...change,
    tabs: change.tabs.map(({ tab, splice }) => ({
      tab,
      ...(splice === undefined ? {} : { splice: { ...splice, rows: [] } }),
    })),
  };
  for (const [tab, { splice }] of change.tabs.entries())
    for (let at = 0; splice !== undefined && at < splice.rows.length; at += ROWS_IN_LINE)
      appendFileSync(
        path,
        `${JSON.stringify({ rows: splice.rows.slice(at, at + ROWS_IN_LINE), tab } satisfies Line)}\n`,
      );
  appendFileSync(path, `${JSON.stringify({ change: small } satisfies Line)}\n`);
}

/** Reads a journal. Incomplete lines at the end are left out. */
function read(path: string): { workbook: Workbook | undefined; changes: number } {
  let workbook: Workbook | undefined;
  let changes = 0;
  let pending = new Map<number, Row[]>();
  for (const text of linesIn(path)) {
    const line = JSON.parse(text) as Line;
    if ('rows' in line) {
      const rows = pending.get(line.tab) ?? [];
      for (const row of line.rows) rows.push(row);
      pending.set(line.tab, rows);
      continue;
    }
    for (const [index, rows] of pending) {
      const splice = line.change.tabs[index]?.splice;
      if (splice !== undefined) splice.rows = rows;
    }
    pending = new Map();
    workbook = changed(workbook, line.change);
    changes += 1;
  }
  return { workbook, changes };
}

/** Opens the journals in a folder. Each is read when its spreadsheet is used for the first time. */
export function openWorkbooks(dir: string): Workbooks {
  mkdirSync(dir, { recursive: true });
  const known = new Map<string, Workbook>();
  const pathOf = (fileId: string): string => join(dir, `${encodeURIComponent(fileId)}.jsonl`);

  const load = (fileId: string): Workbook | undefined => {
    const path = pathOf(fileId);
    if (!existsSync(path)) return undefined;
    const { workbook, changes } = read(path);
    if (workbook === undefined) return undefined;
    if (changes > 1) {
      writeFileSync(`${path}.new`, '');
      write(`${path}.new`, changeBetween(undefined, workbook));
      renameSync(`${path}.new`, path);
    }
    return workbook;
  };

  const stored = (fileId: string): Workbook | undefined => {
    const workbook = known.get(fileId) ?? load(fileId);
    if (workbook !== undefined) known.set(fileId, workbook);
    return workbook;
  };

  const save = (fileId: string, workbook: Workbook): void => {
    write(pathOf(fileId), changeBetween(stored(fileId), workbook));
    known.set(fileId, workbook);
  };

  return {
    get: (fileId) => stored(fileId) ?? newWorkbook(),
    save,
    copy: (fromId, toId) => {
      const workbook = stored(fromId);
      if (workbook !== undefined) save(toId, workbook);
    },
    remove: (fileId) => {
      known.delete(fileId);
      rmSync(pathOf(fileId), { force: true });
    },
  };
}
