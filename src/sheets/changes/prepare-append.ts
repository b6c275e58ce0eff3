import { CourierError } from '../../errors.ts';
import { checkUntilFresh, MAX_LOOK_AGE_MS } from '../../look-age.ts';
import { rowsRemoved } from '../errors.ts';
import { readOverview } from '../read/overview.ts';
import { readSnapshot, type Snapshot } from '../read/snapshot.ts';
import type { SheetsContext } from '../sheets.ts';
import { planChange } from './changes.ts';
import { answerMarked, marksOfLost, searchMarks } from './earlier-rows.ts';
import type { GroupWriter, Job, Prepare } from './job.ts';
import { marksToRemove, roomForMarks, type StoredMark } from './marks.ts';
import { newTabOf } from './new-tab.ts';
import { dropSuperseded } from './superseded-jobs.ts';

/** Marks of deliveries that are still in progress use all that Sheets allows. They can be removed within minutes. */
const noRoom = (): CourierError =>
  new CourierError('drive-unavailable', {
    detail: "There is no room for another mark in the spreadsheet's developer metadata.",
    retryAfterSeconds: 60,
  });

interface Unwritten {
  jobs: Job[];
  /** Marks of these jobs whose rows are nowhere. The change that writes the rows again removes them. */
  lost: readonly StoredMark[];
}

/** Answers the jobs whose rows an earlier try has written. They may be in another tab than the one that rows go to now. */
const answerWritten = async (
  { client, spreadsheetId }: GroupWriter,
  jobs: readonly Job[],
  { marks, tab }: Pick<Snapshot, 'marks' | 'tab'>,
  context: SheetsContext,
): Promise<Unwritten> => {
  const own = marks.filter(({ key }) => jobs.some((job) => job.key === key));
  const isElsewhere = own.some(({ sheetId }) => sheetId !== tab?.sheetId);
  const seen = tab === undefined ? [] : [tab];
  const tabs = isElsewhere ? (await readOverview(client, spreadsheetId, context)).tabs : seen;
  const lost = marksOfLost(own, tabs);
  const written = own.filter((mark) => !lost.includes(mark));
  return { jobs: answerMarked(jobs, written, tabs, context), lost };
};

/**
 * Whether the rows of the batch before are still there. Google does not document that the look at a tab shows all marks, so
 * the search decides.
 */
const isContinued = async (
  writer: GroupWriter,
  { key, batch, after }: Job,
  { tab, marks }: Snapshot,
  context: SheetsContext,
): Promise<boolean> => {
  if (after === undefined) return true;
  if (tab === undefined) return false;
  const isOfBatchBefore = (mark: StoredMark): boolean => mark.key === key && mark.batch === batch.index - 1;
  if (!writer.withMarks || marks.some(isOfBatchBefore)) return true;
  return (await searchMarks(writer, context)).some(isOfBatchBefore);
};

/** The jobs that no mark answers, and no other try supersedes. @param mustSearch also search for the marks */
const findUnwritten = async (
  writer: GroupWriter,
  jobs: readonly Job[],
  { snapshot, mustSearch }: { snapshot: Snapshot; mustSearch: boolean },
  context: SheetsContext,
): Promise<Unwritten> => {
  if (!writer.withMarks) return { jobs: [...jobs], lost: [] };
  // Even a first try may have been overtaken by a copy of itself while it waited.
  let unwritten = await answerWritten(writer, jobs, snapshot, context);
  if (mustSearch && unwritten.jobs.some(({ mayBeDone }) => mayBeDone)) {
    const searched = { tab: snapshot.tab, marks: await searchMarks(writer, context) };
    unwritten = await answerWritten(writer, unwritten.jobs, searched, context);
  }
  return { ...unwritten, jobs: await dropSuperseded(unwritten.jobs, writer.now()) };
};

/**
 * Looks at the tab, and plans one change that appends rows to what it has now.
 * @param isFirst false: the marks of the jobs were searched for before, and the size of the spreadsheet was checked
 */
const lookAndPlan = async (
  writer: GroupWriter,
  jobs: readonly Job[],
  { isFirst, seen }: { isFirst: boolean; seen(): void },
  context: SheetsContext,
): ReturnType<Prepare> => {
  const { client, spreadsheetId, hints, now } = writer;
  const { tab: title, after } = jobs[0] ?? {};
  const wanted = { title: after?.title ?? title, sheetId: after?.sheetId, hint: hints.get(title) };
  const snapshot = await readSnapshot(client, spreadsheetId, wanted, context);
  seen();
  const { jobs: left, lost } = await findUnwritten(writer, jobs, { snapshot, mustSearch: isFirst }, context);
  if (left.length === 0) return undefined;
  if (snapshot.wrongShape !== undefined) throw snapshot.wrongShape;
  const continued = await Promise.all(left.map((job) => isContinued(writer, job, snapshot, context)));
  if (continued.includes(false)) throw rowsRemoved();
  const old = marksToRemove(snapshot.marks, writer);
  const removed = [...old, ...lost.filter(({ id }) => !old.some((mark) => mark.id === id))];
  const kept = snapshot.marks.filter(({ id }) => !removed.some((mark) => mark.id === id));
  const room = roomForMarks(kept, snapshot.foreign);
  if (room === 0) throw noRoom();
  // Half of it, so that other instances find room as well before this one can remove its marks.
  const most = Math.ceil(room / 2);
  const [fitting, later] = [left.slice(0, most), left.slice(most)];
  const change = planChange(snapshot, fitting, {
    ...{ newTabOf: newTabOf(title ?? '', snapshot), nowMs: now(), removed },
  });
  const remaining: Job[] = [];
  for (const job of fitting) {
    const error = change.failed.get(job);
    if (error === undefined) remaining.push(job);
    else job.fail(error);
  }
  if (remaining.length === 0) return later.length === 0 ? undefined : { change, jobs: [], later };
  if (isFirst) await writer.sizes.check(spreadsheetId, change.growth, context);
  return { change, jobs: remaining, later };
};

/**
 * Prepares one change that appends rows. If what follows the look took long, the tab is looked at again: people may have moved
 * its columns.
 */
export const prepareAppend: Prepare = async (writer, jobs, context) => {
  let prepared: Awaited<ReturnType<Prepare>>;
  await checkUntilFresh({ now: writer.now, maxAgeMs: MAX_LOOK_AGE_MS }, async (seen) => {
    const isFirst = prepared === undefined;
    const open = jobs.filter((job) => job.isOpen());
    prepared = await lookAndPlan(writer, open, { isFirst, seen }, context);
    return prepared === undefined ? 'nothing to write' : undefined;
  });
  return prepared;
};
