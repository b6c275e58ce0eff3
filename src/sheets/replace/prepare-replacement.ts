import { checkUntilFresh, MAX_LOOK_AGE_MS } from '../../look-age.ts';
import { superseded } from '../errors.ts';
import type { SheetsContext } from '../sheets.ts';
import { marksOf, marksToRemove, type StoredMark } from '../changes/marks.ts';
import { type Overview, readOverview } from '../read/overview.ts';
import { planReplacement } from './replacement.ts';
import { checkRoom } from '../size.ts';
import { newTabOf } from '../changes/new-tab.ts';
import { answerMarked, searchMarks } from '../changes/earlier-rows.ts';
import type { GroupWriter, Job, Prepare } from '../changes/job.ts';

/**
 * Looks at the tabs, and asks whether the values are still to be written. If the answers took long, the tabs are looked at
 * again: a person may have renamed the tab to keep its values.
 * @returns undefined if the job has its outcome
 */
const lookAtTabs = async (
  { client, spreadsheetId, now, withMarks }: GroupWriter,
  job: Job,
  context: SheetsContext,
): Promise<{ overview: Overview; marks: StoredMark[] } | undefined> => {
  let looked: { overview: Overview; marks: StoredMark[] } | undefined;
  let searched: StoredMark[] | undefined;
  const hasOutcome = async (overview: Overview, marks: readonly StoredMark[]): Promise<boolean> => {
    if (!withMarks) return false;
    if (job.mayBeDone) searched ??= await searchMarks({ client, spreadsheetId }, context);
    const known = [...(searched ?? []), ...marks];
    if (answerMarked([job], known, overview.tabs, context).length === 0) return true;
    if ((await job.isSuperseded?.()) !== true) return false;
    job.fail(superseded());
    return true;
  };
  await checkUntilFresh({ now, maxAgeMs: MAX_LOOK_AGE_MS }, async (seen) => {
    const overview = await readOverview(client, spreadsheetId, context);
    seen();
    const marks = marksOf(overview.metadata);
    looked = (await hasOutcome(overview, marks)) ? undefined : { overview, marks };
    return looked === undefined ? 'nothing to write' : undefined;
  });
  return looked;
};

/**
 * Prepares the change that replaces the values of a tab. Another delivery may have replaced them since an earlier try of this
 * one was answered, so the ledger is asked every time: values that were acknowledged earlier never overwrite later ones.
 */
export const prepareReplacement: Prepare = async (writer, jobs, context) => {
  const [job] = jobs;
  const looked = job === undefined ? undefined : await lookAtTabs(writer, job, context);
  if (job === undefined || looked === undefined) return undefined;
  const { overview, marks } = looked;
  const title = job.tab;
  const sheetIds = overview.tabs.map(({ sheetId }) => sheetId);
  const change = await planReplacement(overview, job, {
    title,
    newTabOf: newTabOf(title ?? '', { sheetIds, marks }),
    nowMs: writer.now(),
    marks,
    removed: marksToRemove(marks, writer),
    taken: new Set(overview.metadata.map(({ metadataId }) => metadataId)),
  });
  checkRoom(overview.cells, change.growth);
  return { change, jobs: [job] };
};
