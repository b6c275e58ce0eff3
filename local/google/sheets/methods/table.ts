import type { Method } from '../call/call.ts';
import { developerMetadataGet, developerMetadataSearch } from './metadata.ts';
import {
  spreadsheetsBatchUpdate,
  spreadsheetsCreate,
  spreadsheetsGet,
  spreadsheetsGetByDataFilter,
} from './spreadsheets.ts';
import { valuesAppend, valuesBatchClear, valuesBatchUpdate, valuesClear, valuesUpdate } from './values.ts';
import { valuesBatchGet, valuesGet } from './values-read.ts';

/** The methods of the discovery document that are implemented here. All others answer 501. */
const METHODS: Readonly<Record<string, Method>> = {
  'sheets.spreadsheets.batchUpdate': spreadsheetsBatchUpdate,
  'sheets.spreadsheets.create': spreadsheetsCreate,
  'sheets.spreadsheets.developerMetadata.get': developerMetadataGet,
  'sheets.spreadsheets.developerMetadata.search': developerMetadataSearch,
  'sheets.spreadsheets.get': spreadsheetsGet,
  'sheets.spreadsheets.getByDataFilter': spreadsheetsGetByDataFilter,
  'sheets.spreadsheets.values.append': valuesAppend,
  'sheets.spreadsheets.values.batchClear': valuesBatchClear,
  'sheets.spreadsheets.values.batchGet': valuesBatchGet,
  'sheets.spreadsheets.values.batchUpdate': valuesBatchUpdate,
  'sheets.spreadsheets.values.clear': valuesClear,
  'sheets.spreadsheets.values.get': valuesGet,
  'sheets.spreadsheets.values.update': valuesUpdate,
};

export const methodNamed = (id: string): Method | undefined => (Object.hasOwn(METHODS, id) ? METHODS[id] : undefined);
