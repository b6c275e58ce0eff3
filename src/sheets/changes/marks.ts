import { createHash } from 'node:crypto';
import { z } from 'zod';
import type { Clocks } from '../../steady-clock.ts';

/** The key of the courier's developer metadata. Short, because Sheets limits the characters of all metadata. */
export const MARK_KEY = 'courier';

/**
 * A mark shows a later try that a batch was written. It is developer metadata, created by the same change that wrote the
 * rows.
 */
export interface Mark {
  /** Of the delivery: 32 characters. */
  key: string;
  batch: number;
  isLast: boolean;
  rows: number;
  sheetId: number;
  /** From 0. */
  startRow: number;
  /** Columns of the tab. */
  width: number;
  digest: string;
  /** Epoch milliseconds, to the second. */
  writtenAtMs: number;
}

export interface StoredMark extends Mark {
  id: number;
  /** Characters that count towards Sheets' limit. */
  size: number;
}

const MAX_ID = 0x7fff_ffff;

/** A positive number of 31 bits. Sheets refuses a second mark with the same id. @param turn another id after a collision */
const markId = ({ key, batch }: Pick<Mark, 'key' | 'batch'>, turn: number): number => {
  const hash = createHash('sha256').update(`${key} ${batch}`).digest();
  return ((hash.readUInt32BE() & MAX_ID) + turn) % MAX_ID || 1;
};

const numbersOf = ({ batch, isLast, rows, sheetId, startRow, width, writtenAtMs }: Mark): number[] => [
  batch,
  isLast ? 1 : 0,
  rows,
  sheetId,
  startRow,
  width,
  Math.floor(writtenAtMs / 1_000),
];

const encodeMark = (mark: Mark): string =>
  [mark.key, mark.digest, ...numbersOf(mark).map((number) => number.toString(36))].join(' ');

const decodeMark = (text: string): Mark | undefined => {
  const [key, digest, ...rest] = text.split(' ');
  const [batch, last, rows, sheetId, startRow, width, seconds] = rest.map((part) => Number.parseInt(part, 36));
  if (key === undefined || digest === undefined || batch === undefined || rows === undefined) return undefined;
  if (sheetId === undefined || startRow === undefined || width === undefined || seconds === undefined) return undefined;
  return { key, digest, batch, isLast: last === 1, rows, sheetId, startRow, width, writtenAtMs: seconds * 1_000 };
};

const metadata = z.object({
  metadataId: z.number(),
  metadataKey: z.string().default(''),
  metadataValue: z.string().default(''),
});
export const metadataList = z.array(metadata).default([]);

const markOf = ({ metadataId, metadataKey, metadataValue }: z.output<typeof metadata>): StoredMark | undefined => {
  const mark = metadataKey === MARK_KEY ? decodeMark(metadataValue) : undefined;
  return mark && { ...mark, id: metadataId, size: metadataKey.length + metadataValue.length };
};

/** The courier's marks among developer metadata. */
export const marksOf = (entries: z.output<typeof metadataList>): StoredMark[] =>
  entries.flatMap((entry) => markOf(entry) ?? []);

/** Developer metadata of others: its ids are in use, and it counts towards the limit. */
export interface ForeignMetadata {
  ids: readonly number[];
  /** Characters. */
  size: number;
}

export const foreignOf = (entries: z.output<typeof metadataList>): ForeignMetadata => {
  const foreign = entries.filter((entry) => markOf(entry) === undefined);
  return {
    ids: foreign.map(({ metadataId }) => metadataId),
    size: foreign.reduce((sum, { metadataKey, metadataValue }) => sum + metadataKey.length + metadataValue.length, 0),
  };
};

/** An id that no other mark has. */
export const freeMarkId = (mark: Pick<Mark, 'key' | 'batch'>, taken: ReadonlySet<number>): number => {
  for (let turn = 0; ; turn += 1) {
    const id = markId(mark, turn);
    if (!taken.has(id)) return id;
  }
};

export const createMarkRequest = (id: number, mark: Mark) => ({
  createDeveloperMetadata: {
    developerMetadata: {
      metadataId: id,
      metadataKey: MARK_KEY,
      metadataValue: encodeMark(mark),
      location: { spreadsheet: true },
      visibility: 'DOCUMENT',
    },
  },
});

export const deleteMarkRequest = (id: number) => ({
  deleteDeveloperMetadata: { dataFilter: { developerMetadataLookup: { metadataId: id, metadataKey: MARK_KEY } } },
});

/** Sheets allows 30,000 characters (https://developers.google.com/workspace/sheets/api/guides/metadata#metadata_storage_limits). */
const LIMIT_CHARACTERS = 30_000;
/**
 * Marks that are no longer needed are kept up to this number of characters, so that a delayed request still finds its id in
 * use.
 */
const KEPT_CHARACTERS = 10_000;
/** Room for the marks of one change, and for what others store. */
const FULL_CHARACTERS = LIMIT_CHARACTERS - 12_000;
/** No mark is longer. */
const MAX_MARK_CHARACTERS = 100;

/** How many marks a change may add to those that it leaves. */
export const roomForMarks = (left: readonly StoredMark[], foreign: ForeignMetadata): number => {
  const used = left.reduce((sum, { size }) => sum + size, foreign.size);
  return Math.max(0, Math.floor((LIMIT_CHARACTERS - used) / MAX_MARK_CHARACTERS));
};

/** For marks of a process that ended between the change and the record of its receipt. Its retry follows within minutes. */
const ORPHAN_MS = 3_600_000;
/** The same, if nothing else can be removed. */
const LAST_RESORT_MS = 600_000;

/**
 * The marks to remove with the next change: those older than the ledger's entries; beyond what is kept, those of finished
 * deliveries and then those left by ended processes, oldest first.
 * Other instances may have written them. A mark has the time of `now`, which may be ahead; its age is measured with `wall`, so
 * that it is rather too low than too high.
 * @param ledgerMs how long the ledger keeps an entry: no try comes later
 */
export const marksToRemove = (
  marks: readonly StoredMark[],
  { isFinished, ledgerMs, wall }: { isFinished: (key: string) => boolean; ledgerMs: number; wall: Clocks['wall'] },
): StoredMark[] => {
  let size = marks.reduce((sum, mark) => sum + mark.size, 0);
  const nowMs = wall();
  const ageOf = ({ writtenAtMs }: Mark): number => nowMs - writtenAtMs;
  const removed = new Set<StoredMark>();
  const oldestFirst = [...marks].sort((one, other) => one.writtenAtMs - other.writtenAtMs || one.batch - other.batch);
  const remove = (target: number, may: (mark: StoredMark) => boolean): void => {
    for (const mark of oldestFirst) {
      if (size <= target) return;
      if (removed.has(mark) || !may(mark)) continue;
      removed.add(mark);
      size -= mark.size;
    }
  };
  remove(Number.NEGATIVE_INFINITY, (mark) => ageOf(mark) > ledgerMs);
  remove(KEPT_CHARACTERS, ({ key }) => isFinished(key));
  remove(FULL_CHARACTERS, (mark) => ageOf(mark) > ORPHAN_MS);
  remove(FULL_CHARACTERS, (mark) => ageOf(mark) > LAST_RESORT_MS);
  return [...removed];
};
