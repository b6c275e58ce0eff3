import { rowsRange } from '../a1.ts';
import type { TabOutline } from '../read/overview.ts';
import type { SheetsContext } from '../sheets.ts';
import type { Placement } from './changes.ts';
import type { GroupWriter, Job } from './job.ts';
import { MARK_KEY, marksOf, metadataList, type StoredMark } from './marks.ts';

/** What earlier tries have written, as the marks of a spreadsheet show it. */

/** Every mark of the courier in a spreadsheet. */
export const searchMarks = async (
  { client, spreadsheetId }: Pick<GroupWriter, 'client' | 'spreadsheetId'>,
  context: SheetsContext,
): Promise<StoredMark[]> => {
  const answer = await client.searchMetadata(spreadsheetId, MARK_KEY, context);
  const { matchedDeveloperMetadata = [] } = answer as {
    matchedDeveloperMetadata?: { developerMetadata?: unknown }[];
  };
  return marksOf(metadataList.parse(matchedDeveloperMetadata.map(({ developerMetadata }) => developerMetadata)));
};

type Tabs = readonly Pick<TabOutline, 'sheetId' | 'title'>[];

/** The marks of deliveries that were written in part. */
export const marksOfInterrupted = (marks: readonly StoredMark[]): StoredMark[] => {
  const complete = new Set(marks.flatMap(({ key, isLast }) => (isLast ? [key] : [])));
  return marks.filter(({ key }) => !complete.has(key));
};

/**
 * The marks of deliveries that were written in part, and whose rows people have deleted together with their tab. Such a delivery
 * starts anew: the rest of its rows alone would be useless.
 */
export const marksOfLost = (marks: readonly StoredMark[], tabs: Tabs): StoredMark[] => {
  const existing = new Set(tabs.map(({ sheetId }) => sheetId));
  const interrupted = marksOfInterrupted(marks);
  const kept = new Set(interrupted.flatMap(({ key, sheetId }) => (existing.has(sheetId) ? [key] : [])));
  return interrupted.filter(({ key }) => !kept.has(key));
};

/** The place of a part that an earlier try has written. A tab that people have deleted since has no name. */
const placedBefore = (mark: StoredMark, tabs: Tabs): Placement & { isRepeated: true } => {
  const title = tabs.find(({ sheetId }) => sheetId === mark.sheetId)?.title;
  return {
    mark,
    tab: title ?? '',
    range: title === undefined ? '' : rowsRange(title, mark.startRow, mark.rows, mark.width),
    columnsAdded: [],
    isRepeated: true,
  };
};

/** Answers the jobs whose marks exist, and returns the others. @param tabs those of the marks, as far as they exist */
export const answerMarked = (
  jobs: readonly Job[],
  marks: readonly StoredMark[],
  tabs: Tabs,
  { changes }: SheetsContext,
): Job[] =>
  jobs.filter((job) => {
    const mark = marks.find(({ key, batch }) => key === job.key && batch === job.batch.index);
    if (mark === undefined) return true;
    changes?.marked(job);
    job.done(placedBefore(mark, tabs));
    return false;
  });
