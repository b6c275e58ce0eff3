import { isDeepStrictEqual } from 'node:util';
import type { DriveState } from '../../../local/google/drive/store/state.ts';
import type { Workbook } from '../../../local/google/sheets/workbook/model.ts';
import type { Author, FileState } from './history.ts';

/** A change of the content of a spreadsheet. */
export interface SheetChange {
  fileId: string;
  author: Author;
  /** The number of the step. */
  step: number;
  /** Its request had no answer, and its sender has continued. */
  isUnanswered: boolean;
  before: Workbook;
  after: Workbook;
}

/** Observes the contents of spreadsheets. */
export interface SheetHistory {
  /** Compares the spreadsheets with their last known contents and returns the new changes. */
  look(files: readonly FileState[], author: Author, at: Pick<SheetChange, 'step' | 'isUnanswered'>): SheetChange[];
}

export const createSheetHistory = ({ store }: DriveState): SheetHistory => {
  const known = new Map<string, Workbook>();
  return {
    look(files, author, { step, isUnanswered }) {
      const changes: SheetChange[] = [];
      for (const { id: fileId, isSheet } of files) {
        if (!isSheet) continue;
        const after = store.workbooks.get(fileId);
        const before = known.get(fileId) ?? after;
        known.set(fileId, after);
        if (before !== after && !isDeepStrictEqual(before, after))
          changes.push({ fileId, author, step, isUnanswered, before, after });
      }
      return changes;
    },
  };
};
