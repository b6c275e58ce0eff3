import { rpcError } from '../../http/api-error.ts';
import { type Method, openSpreadsheet } from '../call/call.ts';
import { attempt } from '../commit.ts';
import { invalidArgument } from '../errors.ts';
import { type DataFilter, isSelected, isVisible } from '../metadata/filters.ts';
import { metadataResource } from '../resources.ts';
import { spreadsheetId } from './spreadsheets.ts';

/** "You should receive a 404 … stating No developer metadata with ID" (sheets/api/guides/metadata#delete_metadata). */
export const developerMetadataGet: Method = (state, call) => {
  const { file } = openSpreadsheet(state, call, spreadsheetId(call));
  const text = call.path.metadataId ?? '';
  if (!/^\d{1,10}$/.test(text)) throw invalidArgument(`Invalid value at 'metadata_id' (TYPE_INT32), "${text}"`);
  const found = state.workbooks
    .get(file.id)
    .metadata.find((entry) => entry.id === Number(text) && isVisible(entry, call.actor.app));
  if (found === undefined) throw rpcError('NOT_FOUND', `No developer metadata with ID ${text}.`);
  return metadataResource(found);
};

/** Source: sheets/api/guides/metadata#read_multiple_metadata_items. */
export const developerMetadataSearch: Method = async (state, call) => {
  const { dataFilters = [] } = (await call.body()) as { dataFilters?: DataFilter[] };
  const { file } = openSpreadsheet(state, call, spreadsheetId(call));
  if (dataFilters.length === 0) throw invalidArgument('Must specify at least one data filter.');
  const workbook = state.workbooks.get(file.id);
  const tests = attempt('', () =>
    dataFilters.map((filter) => ({ filter, matches: isSelected(workbook, call.actor.app, filter) })),
  );
  const matched = workbook.metadata.flatMap((entry) => {
    const filters = tests.filter(({ matches }) => matches(entry)).map(({ filter }) => filter);
    return filters.length === 0 ? [] : [{ developerMetadata: metadataResource(entry), dataFilters: filters }];
  });
  return { matchedDeveloperMetadata: matched.length === 0 ? undefined : matched };
};
