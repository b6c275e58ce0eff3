import type { Draft } from '../draft.ts';
import { tabById } from '../draft.ts';
import { InvalidRequest } from '../errors.ts';
import { readFieldMask } from '../field-mask.ts';
import { type DataFilter, isSelected } from '../metadata/filters.ts';
import { metadataResource } from '../resources.ts';
import type { Metadata, MetadataLocation } from '../workbook/model.ts';
import { freshId, handler } from './handler.ts';

interface GivenLocation {
  spreadsheet?: boolean;
  sheetId?: number;
  dimensionRange?: { sheetId?: number; dimension?: string; startIndex?: number; endIndex?: number };
}

interface GivenMetadata {
  metadataId?: number;
  metadataKey?: string;
  metadataValue?: string;
  visibility?: string;
  location?: GivenLocation;
}

const MAX_ID = 0x7fff_ffff;

function readLocation(draft: Draft, given: GivenLocation | undefined): MetadataLocation {
  const { spreadsheet, sheetId, dimensionRange } = given ?? {};
  const named = [spreadsheet === true, sheetId !== undefined, dimensionRange !== undefined].filter(Boolean).length;
  if (named !== 1) throw new InvalidRequest('Developer metadata needs exactly one location.');
  if (spreadsheet === true) return { type: 'SPREADSHEET' };
  if (dimensionRange === undefined) return { type: 'SHEET', sheetId: tabById(draft, sheetId).id };
  const { dimension, startIndex = 0, endIndex } = dimensionRange;
  const tab = tabById(draft, dimensionRange.sheetId);
  if (dimension !== 'ROWS' && dimension !== 'COLUMNS') throw new InvalidRequest('A dimension is required.');
  const size = dimension === 'ROWS' ? tab.rowCount : tab.columnCount;
  if (endIndex !== startIndex + 1)
    throw new InvalidRequest('The dimension range must represent a single row or column.');
  if (startIndex < 0 || startIndex >= size) throw new InvalidRequest('The dimension range exceeds grid limits.');
  return { type: dimension === 'ROWS' ? 'ROW' : 'COLUMN', sheetId: tab.id, index: startIndex };
}

/** The scope of the storage limit: the spreadsheet itself, or one sheet with its rows and columns. */
const scopeOf = ({ location }: Metadata): number | 'spreadsheet' =>
  location.type === 'SPREADSHEET' ? 'spreadsheet' : location.sheetId;

function checkStorage(draft: Draft, added: Metadata): void {
  const scope = scopeOf(added);
  const used = draft.metadata
    .filter((entry) => scopeOf(entry) === scope)
    .reduce((sum, { key, value = '' }) => sum + key.length + value.length, 0);
  const { metadataCharacters } = draft.limits;
  if (used > metadataCharacters)
    throw new InvalidRequest(`Developer metadata exceeds the limit of ${metadataCharacters} characters.`);
}

const checkVisibility = (text: string | undefined): Metadata['visibility'] => {
  if (text === 'DOCUMENT' || text === 'PROJECT') return text;
  throw new InvalidRequest('A visibility is required.');
};

const checkKey = (key: string | undefined): string => {
  if (!key) throw new InvalidRequest('A metadataKey is required.');
  return key;
};

/** Source: sheets/api/guides/metadata#create_metadata, reference, DeveloperMetadata. */
export const createDeveloperMetadata = handler<{ developerMetadata?: GivenMetadata }>(
  (draft, { developerMetadata: given = {} }, { random }) => {
    const isTaken = (id: number): boolean => draft.metadata.some((entry) => entry.id === id);
    const { metadataId } = given;
    if (metadataId !== undefined && (metadataId <= 0 || metadataId > MAX_ID))
      throw new InvalidRequest('metadataId must be positive.');
    if (metadataId !== undefined && draft.limits.duplicateMetadataIds === 'refuse' && isTaken(metadataId))
      throw new InvalidRequest(`Developer metadata with ID ${metadataId} already exists.`);
    const entry: Metadata = {
      id: metadataId ?? freshId(random, isTaken),
      key: checkKey(given.metadataKey),
      ...(given.metadataValue === undefined ? {} : { value: given.metadataValue }),
      visibility: checkVisibility(given.visibility),
      project: draft.editor.app,
      location: readLocation(draft, given.location),
    };
    draft.metadata = [...draft.metadata, entry];
    checkStorage(draft, entry);
    return { createDeveloperMetadata: { developerMetadata: metadataResource(entry) } };
  },
);

const selected = (draft: Draft, filters: readonly DataFilter[]) => {
  const tests = filters.map((filter) => isSelected(draft, draft.editor.app, filter));
  return (entry: Metadata): boolean => tests.some((test) => test(entry));
};

/** Source: reference, UpdateDeveloperMetadataRequest. What happens when nothing matches is not documented; here: nothing. */
export const updateDeveloperMetadata = handler<{
  dataFilters?: DataFilter[];
  developerMetadata?: GivenMetadata;
  fields?: string;
}>((draft, { dataFilters = [], developerMetadata: given = {}, fields }, { discovery }) => {
  const names = readFieldMask(discovery, 'DeveloperMetadata', fields).map(([name]) => name);
  const isAll = fields?.trim() === '*';
  if (names.includes('metadataId') && !isAll) throw new InvalidRequest('The field metadataId cannot be changed.');
  const matches = selected(draft, dataFilters);
  const updated: Metadata[] = [];
  draft.metadata = draft.metadata.map((entry) => {
    if (!matches(entry)) return entry;
    let next: Metadata = { ...entry };
    if (names.includes('metadataKey')) next = { ...next, key: checkKey(given.metadataKey) };
    if (names.includes('metadataValue')) next = { ...next, value: given.metadataValue };
    if (names.includes('visibility')) next = { ...next, visibility: checkVisibility(given.visibility) };
    if (names.includes('location')) next = { ...next, location: readLocation(draft, given.location) };
    updated.push(next);
    return next;
  });
  for (const entry of updated) checkStorage(draft, entry);
  return { updateDeveloperMetadata: { developerMetadata: updated.map(metadataResource) } };
});

/** Source: reference, DeleteDeveloperMetadataRequest. */
export const deleteDeveloperMetadata = handler<{ dataFilter?: DataFilter }>((draft, { dataFilter }) => {
  if (dataFilter === undefined) throw new InvalidRequest('A data filter is required.');
  const matches = selected(draft, [dataFilter]);
  const deleted = draft.metadata.filter(matches);
  draft.metadata = draft.metadata.filter((entry) => !matches(entry));
  return { deleteDeveloperMetadata: { deletedDeveloperMetadata: deleted.map(metadataResource) } };
});
