import type { Metadata, Row, Tab, Workbook } from './model.ts';

/** Rows that replace others at one place of a tab. */
interface Splice {
  at: number;
  removed: number;
  rows: readonly Row[];
}

/** The parts of a workbook that one change writes to the journal: all small parts, and only the rows that differ. */
export interface Change {
  workbook: Omit<Workbook, 'tabs' | 'metadata'>;
  tabs: { tab: Omit<Tab, 'rows'>; splice?: Splice | undefined }[];
  /** Indexes in the metadata before the change. Added metadata comes after all that is kept. */
  removedMetadata: number[];
  addedMetadata: readonly Metadata[];
}

/** Rows are shared between versions, so equal rows at both ends are the same objects. */
function spliceBetween(before: readonly Row[], after: readonly Row[]): Splice | undefined {
  if (before === after) return undefined;
  const shorter = Math.min(before.length, after.length);
  let start = 0;
  while (start < shorter && before[start] === after[start]) start += 1;
  let end = 0;
  while (end < shorter - start && before[before.length - 1 - end] === after[after.length - 1 - end]) end += 1;
  return { at: start, removed: before.length - start - end, rows: after.slice(start, after.length - end) };
}

export function changeBetween(before: Workbook | undefined, after: Workbook): Change {
  const { tabs, metadata, ...workbook } = after;
  const known = new Set(before?.metadata);
  const current = new Set(metadata);
  const removedMetadata = [...known.keys()].flatMap((entry, index) => (current.has(entry) ? [] : [index]));
  return {
    workbook,
    tabs: tabs.map(({ rows, ...tab }) => ({
      tab,
      splice: spliceBetween(before?.tabs.find(({ id }) => id === tab.id)?.rows ?? [], rows),
    })),
    removedMetadata,
    addedMetadata: metadata.filter((entry) => !known.has(entry)),
  };
}

export function changed(before: Workbook | undefined, change: Change): Workbook {
  const removed = new Set(change.removedMetadata);
  const kept = (before?.metadata ?? []).filter((_, index) => !removed.has(index));
  const tabs = change.tabs.map(({ tab, splice }) => {
    const rows = before?.tabs.find(({ id }) => id === tab.id)?.rows ?? [];
    if (splice === undefined) return { ...tab, rows };
    const { at, removed: count, rows: inserted } = splice;
    return { ...tab, rows: rows.slice(0, at).concat(inserted, rows.slice(at + count)) };
  });
  return { ...change.workbook, tabs, metadata: [...kept, ...change.addedMetadata] };
}
