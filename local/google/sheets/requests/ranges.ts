import { changeRow, checkProtection, tabById } from '../draft.ts';
import { InvalidRequest } from '../errors.ts';
import { gridRangeResource, protectedRangeResource } from '../resources.ts';
import { closedRange, intersects } from '../workbook/a1.ts';
import type { GridRange, ProtectedRange } from '../workbook/model.ts';
import { freshId, type GivenRange, gridRangeOf, handler, readRange } from './handler.ts';

const spans = (from: number, to: number): number[] =>
  Array.from({ length: Math.max(0, to - from) }, (_, at) => from + at);

/** The merged areas of a request: the whole range, or one a row or column. */
const areasOf = (area: ReturnType<typeof closedRange>, mergeType: string): GridRange[] => {
  const { startRowIndex, endRowIndex, startColumnIndex, endColumnIndex } = area;
  if (mergeType === 'MERGE_ROWS')
    return spans(startRowIndex, endRowIndex).map((row) => ({ ...area, startRowIndex: row, endRowIndex: row + 1 }));
  if (mergeType === 'MERGE_COLUMNS')
    return spans(startColumnIndex, endColumnIndex).map((column) => ({
      ...area,
      startColumnIndex: column,
      endColumnIndex: column + 1,
    }));
  return [area];
};

/** A merged area keeps only the value of its first cell. Source: reference, MergeCellsRequest. */
export const mergeCells = handler<{ range?: GivenRange; mergeType?: string }>(
  (draft, { range: given, mergeType = 'MERGE_ALL' }) => {
    const { tab, range } = readRange(draft, given);
    const area = closedRange(tab, range);
    checkProtection(draft, tab, area);
    for (const merged of areasOf(area, mergeType)) {
      if (tab.merges.some((merge) => intersects(merge, merged)))
        throw new InvalidRequest('You must select all cells in a merged range to merge or unmerge them.');
      tab.merges = [...tab.merges, merged];
      const { startRowIndex: top, startColumnIndex: left, endRowIndex = top, endColumnIndex = left } = merged;
      for (const index of spans(top, Math.min(endRowIndex, tab.rows.length)))
        changeRow(tab, index, [left, endColumnIndex], (old, column) => (index === top && column === left ? old : null));
    }
    return undefined;
  },
);

export const unmergeCells = handler<{ range?: GivenRange }>((draft, { range: given }) => {
  const { tab, range } = readRange(draft, given);
  tab.merges = tab.merges.filter((merge) => !intersects(merge, range));
  return undefined;
});

interface GivenProtection {
  protectedRangeId?: number;
  range?: GivenRange;
  namedRangeId?: string;
  description?: string;
  warningOnly?: boolean;
  unprotectedRanges?: GivenRange[];
  editors?: { users?: string[]; groups?: string[]; domainUsersCanEdit?: boolean };
}

/** The account that protects a range can still edit it. Source: reference, ProtectedRange. */
export const addProtectedRange = handler<{ protectedRange?: GivenProtection }>(
  (draft, { protectedRange: given = {} }, { random }) => {
    const { tab, range } = readRange(draft, given.range);
    const isTaken = (id: number): boolean =>
      draft.tabs.some((other) => other.protectedRanges.some((known) => known.id === id));
    const { protectedRangeId, editors = {}, unprotectedRanges = [] } = given;
    if (protectedRangeId !== undefined && isTaken(protectedRangeId))
      throw new InvalidRequest(`A protected range with the id ${protectedRangeId} already exists.`);
    const protection: ProtectedRange = {
      id: protectedRangeId ?? freshId(random, isTaken),
      range,
      unprotected: unprotectedRanges.map(gridRangeOf),
      description: given.description,
      warningOnly: given.warningOnly === true,
      users: [...new Set([...(editors.users ?? []).map((email) => email.toLowerCase()), draft.editor.email])],
      groups: (editors.groups ?? []).map((email) => email.toLowerCase()),
    };
    tab.protectedRanges = [...tab.protectedRanges, protection];
    return { addProtectedRange: { protectedRange: protectedRangeResource(protection, true) } };
  },
);

export const deleteProtectedRange = handler<{ protectedRangeId?: number }>((draft, { protectedRangeId }) => {
  const tab = draft.tabs.find(({ protectedRanges }) => protectedRanges.some(({ id }) => id === protectedRangeId));
  if (tab === undefined) throw new InvalidRequest(`No protected range with id: ${protectedRangeId}`);
  const found = tab.protectedRanges.find(({ id }) => id === protectedRangeId);
  if (found !== undefined) checkProtection(draft, tab, found.range);
  tab.protectedRanges = tab.protectedRanges.filter(({ id }) => id !== protectedRangeId);
  return undefined;
});

interface GivenNamedRange {
  namedRangeId?: string;
  name?: string;
  range?: GivenRange;
}

/** Source: reference, AddNamedRangeRequest. */
export const addNamedRange = handler<{ namedRange?: GivenNamedRange }>(
  (draft, { namedRange: given = {} }, { random }) => {
    const { range } = readRange(draft, given.range);
    const { name = '' } = given;
    if (!/^[A-Za-z_]\w*$/.test(name) || /^(?:[A-Za-z]{1,3}\d+|true|false)$/i.test(name))
      throw new InvalidRequest(`The name ${name} is not valid for a named range.`);
    if (draft.namedRanges.some((known) => known.name.toLowerCase() === name.toLowerCase()))
      throw new InvalidRequest(`A named range with the name "${name}" already exists.`);
    const taken = (number: number): boolean => draft.namedRanges.some(({ id }) => id === String(number));
    const id = given.namedRangeId ?? String(freshId(random, taken));
    if (draft.namedRanges.some((known) => known.id === id))
      throw new InvalidRequest(`A named range with the id ${id} already exists.`);
    draft.namedRanges = [...draft.namedRanges, { id, name, range }];
    return { addNamedRange: { namedRange: { namedRangeId: id, name, range: gridRangeResource(range) } } };
  },
);

export const deleteNamedRange = handler<{ namedRangeId?: string }>((draft, { namedRangeId }) => {
  if (!draft.namedRanges.some(({ id }) => id === namedRangeId))
    throw new InvalidRequest(`No named range with id: ${namedRangeId}`);
  draft.namedRanges = draft.namedRanges.filter(({ id }) => id !== namedRangeId);
  return undefined;
});

/** A filter hides rows from people, not from the API. */
export const setBasicFilter = handler<{ filter?: Record<string, unknown> & { range?: GivenRange } }>(
  (draft, { filter = {} }) => {
    const { tab, range } = readRange(draft, filter.range);
    tab.basicFilter = { ...filter, range };
    return undefined;
  },
);

export const clearBasicFilter = handler<{ sheetId?: number }>((draft, { sheetId }) => {
  tabById(draft, sheetId).basicFilter = undefined;
  return undefined;
});
