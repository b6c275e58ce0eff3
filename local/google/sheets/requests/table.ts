import { appendCells, repeatCell, updateCells } from './cells.ts';
import { appendDimension, deleteDimension, deleteRange, insertDimension, insertRange } from './dimensions.ts';
import type { Handler } from './handler.ts';
import { createDeveloperMetadata, deleteDeveloperMetadata, updateDeveloperMetadata } from './metadata.ts';
import {
  addNamedRange,
  addProtectedRange,
  clearBasicFilter,
  deleteNamedRange,
  deleteProtectedRange,
  mergeCells,
  setBasicFilter,
  unmergeCells,
} from './ranges.ts';
import { addSheet, deleteSheet, updateSheetProperties, updateSpreadsheetProperties } from './sheets.ts';

/** The requests of spreadsheets.batchUpdate that are implemented here. All others answer 501. */
const HANDLERS: Readonly<Record<string, Handler>> = {
  addNamedRange,
  addProtectedRange,
  addSheet,
  appendCells,
  appendDimension,
  clearBasicFilter,
  createDeveloperMetadata,
  deleteDeveloperMetadata,
  deleteDimension,
  deleteNamedRange,
  deleteProtectedRange,
  deleteRange,
  deleteSheet,
  insertDimension,
  insertRange,
  mergeCells,
  repeatCell,
  setBasicFilter,
  unmergeCells,
  updateCells,
  updateDeveloperMetadata,
  updateSheetProperties,
  updateSpreadsheetProperties,
};

export const handlerNamed = (name: string): Handler | undefined =>
  Object.hasOwn(HANDLERS, name) ? HANDLERS[name] : undefined;
