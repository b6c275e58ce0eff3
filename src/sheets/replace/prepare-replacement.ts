import { superseded } from '../errors.ts';
import { marksOf, marksToRemove } from '../changes/marks.ts';
import { readOverview } from '../read/overview.ts';
import { planReplacement } from './replacement.ts';
import { checkRoom } from '../size.ts';
import { newTabOf } from '../changes/new-tab.ts';
import { answerMarked, type Prepare, searchMarks } from '../changes/write-group.ts';

/**
 * Prepares the change that replaces the values of a tab. Another delivery may have replaced them since an earlier try of this
 * one was answered, so the ledger is asked every time: values that were acknowledged earlier never overwrite later ones.
 */
export const prepareReplacement: Prepare = async (writer, jobs, context) => {
  const [job] = jobs;
  if (job === undefined) return undefined;
  const { client, spreadsheetId, now, withMarks } = writer;
  const overview = await readOverview(client, spreadsheetId, context);
  const marks = marksOf(overview.metadata);
  if (withMarks) {
    const known = job.mayBeDone ? [...(await searchMarks(writer, context)), ...marks] : marks;
    const own = known.find(({ key, batch }) => key === job.key && batch === job.batch.index);
    const tab = overview.tabs.find(({ sheetId }) => sheetId === own?.sheetId);
    if (answerMarked([job], known, { tab }, context).length === 0) return undefined;
    if ((await job.isSuperseded?.()) === true) {
      job.fail(superseded());
      return undefined;
    }
  }
  const title = job.tab;
  const sheetIds = overview.tabs.map(({ sheetId }) => sheetId);
  const change = await planReplacement(overview, job, {
    title,
    newTabOf: newTabOf(title ?? '', sheetIds),
    nowMs: now(),
    removed: marksToRemove(marks, writer),
    taken: new Set(overview.metadata.map(({ metadataId }) => metadataId)),
  });
  checkRoom(overview.cells, change.growth);
  return { change, jobs: [job] };
};
