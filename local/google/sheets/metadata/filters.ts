import { InvalidRequest } from '../errors.ts';
import { intersects, parseRange } from '../workbook/a1.ts';
import type { GridRange, Metadata, MetadataLocation, Workbook } from '../workbook/model.ts';
import { type GivenRange, gridRangeOf } from '../requests/handler.ts';

interface Lookup {
  metadataId?: number;
  metadataKey?: string;
  metadataValue?: string;
  visibility?: string;
  locationType?: string;
  locationMatchingStrategy?: string;
  metadataLocation?: {
    spreadsheet?: boolean;
    sheetId?: number;
    dimensionRange?: { sheetId?: number; dimension?: string; startIndex?: number; endIndex?: number };
  };
}

/** "A single DataFilter object can only specify one type of filter criteria" (sheets/api/guides/metadata). */
export interface DataFilter {
  developerMetadataLookup?: Lookup;
  a1Range?: string;
  gridRange?: GivenRange;
}

/** The cells that a location covers. Undefined for the whole spreadsheet. */
export function areaOf(location: MetadataLocation): GridRange | undefined {
  if (location.type === 'SPREADSHEET') return undefined;
  const { sheetId } = location;
  const whole = { sheetId, startRowIndex: 0, endRowIndex: undefined, startColumnIndex: 0, endColumnIndex: undefined };
  if (location.type === 'SHEET') return whole;
  const { index } = location;
  return location.type === 'ROW'
    ? { ...whole, startRowIndex: index, endRowIndex: index + 1 }
    : { ...whole, startColumnIndex: index, endColumnIndex: index + 1 };
}

const givenArea = ({
  spreadsheet,
  sheetId,
  dimensionRange,
}: NonNullable<Lookup['metadataLocation']>): GridRange | undefined => {
  if (spreadsheet === true) return undefined;
  if (dimensionRange === undefined) return gridRangeOf({ ...(sheetId === undefined ? {} : { sheetId }) });
  const { startIndex, endIndex, dimension } = dimensionRange;
  const id = dimensionRange.sheetId === undefined ? {} : { sheetId: dimensionRange.sheetId };
  const start = startIndex ?? 0;
  return dimension === 'COLUMNS'
    ? { ...gridRangeOf(id), startColumnIndex: start, endColumnIndex: endIndex }
    : { ...gridRangeOf(id), startRowIndex: start, endRowIndex: endIndex };
};

const sameArea = (a: GridRange, b: GridRange): boolean =>
  a.sheetId === b.sheetId &&
  a.startRowIndex === b.startRowIndex &&
  a.endRowIndex === b.endRowIndex &&
  a.startColumnIndex === b.startColumnIndex &&
  a.endColumnIndex === b.endColumnIndex;

/** Source: reference, DeveloperMetadataLookup, locationMatchingStrategy: by default, locations must be the same. */
function isAt(location: MetadataLocation, { metadataLocation, locationMatchingStrategy }: Lookup): boolean {
  if (metadataLocation === undefined) return true;
  const area = areaOf(location);
  const given = givenArea(metadataLocation);
  if (locationMatchingStrategy === 'INTERSECTING_LOCATION')
    return given === undefined || area === undefined || intersects(area, given);
  return given === undefined || area === undefined ? given === area : sameArea(area, given);
}

/** True for metadata that a Cloud project can see: "project metadata is only visible … from the Google Cloud project that created it". */
export const isVisible = ({ visibility, project }: Metadata, app: string): boolean =>
  visibility === 'DOCUMENT' || project === app;

const matchesLookup = (lookup: Lookup, { id, key, value, visibility, location }: Metadata): boolean =>
  (lookup.metadataId === undefined || lookup.metadataId === id) &&
  (lookup.metadataKey === undefined || lookup.metadataKey === key) &&
  (lookup.metadataValue === undefined || lookup.metadataValue === (value ?? '')) &&
  (lookup.visibility === undefined || lookup.visibility === visibility) &&
  (lookup.locationType === undefined || lookup.locationType === location.type) &&
  isAt(location, lookup);

/**
 * Whether a data filter selects a metadata entry: a lookup by its members, or a range by the locations that intersect it.
 * Source: reference, developerMetadata.search.
 * @throws InvalidRequest
 */
export function isSelected(
  workbook: Pick<Workbook, 'tabs' | 'namedRanges'>,
  app: string,
  { developerMetadataLookup: lookup, a1Range, gridRange }: DataFilter,
): (entry: Metadata) => boolean {
  if ([lookup, a1Range, gridRange].filter((given) => given !== undefined).length !== 1)
    throw new InvalidRequest('A data filter needs exactly one kind of criteria.');
  if (lookup !== undefined) return (entry) => isVisible(entry, app) && matchesLookup(lookup, entry);
  const range = a1Range === undefined ? gridRangeOf(gridRange ?? {}) : parseRange(workbook, a1Range)?.range;
  if (range === undefined) throw new InvalidRequest(`Unable to parse range: ${a1Range}`);
  return (entry) => {
    const area = areaOf(entry.location);
    return isVisible(entry, app) && area !== undefined && intersects(area, range);
  };
}
