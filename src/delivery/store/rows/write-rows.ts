import { randomBytes } from 'node:crypto';
import { checkDigest, type Receipt } from '../../../domain.ts';
import type { DriveFile } from '../../../drive/drive.ts';
import { asCourierError, CourierError } from '../../../errors.ts';
import { acquireLease, endLease, fileLeaseKey, underLease } from '../../../ledger/lease.ts';
import { MAX_SEARCH_AGE_MS } from '../../../look-age.ts';
import { firstCells } from '../../../sheets/a1.ts';
import { type Batch, batchesOf, MAX_BATCH_BYTES, MAX_CHANGE_BYTES } from '../../../sheets/rows/batches.ts';
import { readRows } from '../../../sheets/rows/read-rows.ts';
import type { WrittenRows } from '../../../sheets/sheets.ts';
import { createUnansweredChanges } from '../../../sheets/unanswered-changes.ts';
import { createUnanswered, type OnAnswer, type UnansweredRequests } from '../../../unanswered-requests.ts';
import { DOCS_TYPES } from '../../checks/check-conversion.ts';
import { notShownYet } from '../../hidden-file.ts';
import { isOwnFile, isSamePlan, keyMark, keyProperty, sameBytes } from '../../idempotency.ts';
import { rememberConverted } from '../../naming/named-file.ts';
import { findConvertedOrCheck } from '../../naming/namesake.ts';
import { lockOf, mayBeLocked } from '../../plan.ts';
import { replay } from '../../receipt.ts';
import { detailsOfExisting, detailsOfNew, marksOfNew } from '../../resolve-options.ts';
import { type BytesMeter, createBytesMeter } from './bytes-meter.ts';
import { acquireNameLease } from '../name-lease.ts';
import type { RowsPlan } from './plan-rows.ts';
import { mustGet, outcomeOf, planChanged, revisePlan, type StoredFile, type UploadStep } from '../upload-step.ts';

/**
 * What another try of the key has done while this one waited for the name: it was answered, or it has noted its sheet.
 * @returns `fileId`: of the noted sheet, else ''
 * @throws CourierError `drive-unavailable` if another try has noted another plan
 */
const doneMeanwhile = async (
  { claim }: UploadStep,
  plan: RowsPlan,
): Promise<{ receipt: Receipt } | { fileId: string }> => {
  const receipt = await claim?.refresh();
  if (receipt !== undefined) return { receipt };
  const noted = claim?.plan() ?? plan;
  if (!isSamePlan({ ...noted, fileId: '' }, plan)) throw planChanged();
  return { fileId: noted.fileId };
};

/** Makes the sheet of the name, unless another delivery has made it. Its header comes with its first rows. */
const findOrMake = async (
  step: UploadStep,
  plan: RowsPlan,
): Promise<{ file: DriveFile; isFound: boolean } | { receipt: Receipt }> => {
  const { kind, folderId } = plan;
  const { request, claim, ledger, context, log, now, sleep } = step;
  const { name, destination } = request;
  const { drive } = destination;
  const named = { drive, ledger, folderId, name, context, log, now, sleep };
  const lease = await acquireNameLease(step, folderId, context);
  let readAtMs = now();
  const done = await doneMeanwhile(step, plan).catch(async (error: unknown) => {
    await lease.release();
    throw error;
  });
  if ('receipt' in done) {
    await lease.release();
    return done;
  }
  let mayBeMade = false;
  const requests = createUnanswered();
  const onSend = (): OnAnswer => {
    const onAnswer = requests.onSend();
    return (status) => {
      mayBeMade ||= typeof status === 'number' && (status < 300 || status >= 500);
      onAnswer(status);
    };
  };
  try {
    const found = await findConvertedOrCheck(named);
    // People may have renamed, moved or trashed the sheet that another try has noted.
    if (done.fileId !== '' && !('file' in found && found.file.id === done.fileId)) throw planChanged();
    if ('file' in found) {
      // The next plan refuses it.
      if (found.file.mimeType !== DOCS_TYPES.sheet) throw planChanged();
      await lease.release();
      return { ...found, isFound: true };
    }
    const beforeSend = async (): Promise<void> => {
      if ((await found.findNamesake()) !== undefined) throw planChanged();
      if (now() - readAtMs <= MAX_SEARCH_AGE_MS) return;
      // The search took long. Another try may have written its rows since, into a sheet that it had made before, and that a person
      // has renamed.
      readAtMs = now();
      const meanwhile = await doneMeanwhile(step, plan);
      if ('receipt' in meanwhile || meanwhile.fileId !== done.fileId) throw planChanged();
    };
    const file = await drive.createDocument(
      {
        ...{ name, folderId, mimeType: DOCS_TYPES.sheet },
        appProperties: {
          ...keyProperty(claim),
          // A sheet that rows are appended to is never old.
          ...(kind === 'replaceRows' ? marksOfNew(request, folderId) : {}),
        },
        ...detailsOfNew(request),
      },
      underLease(lease, { ...context, beforeSend, onSend }),
    );
    if (await rememberConverted(named, file.id)) await lease.release();
    else await lease.abandon();
    return { file, isFound: false };
  } catch (error) {
    // A sheet that may have been made is found only by the search, and not at once. It may also be made only now.
    if (mayBeMade) await lease.abandon();
    else await endLease(lease, requests);
    throw error;
  }
};

/** Notes the sheet's id for all tries of the key, before its first row is written. */
const noteSheet = async (
  { claim }: UploadStep,
  plan: RowsPlan,
  fileId: string,
): Promise<{ plan: RowsPlan } | { receipt: Receipt }> => {
  const noted = { ...plan, fileId };
  if (claim === undefined || isSamePlan(claim.plan(), noted)) return { plan: noted };
  const receipt = await revisePlan(claim, noted);
  return receipt === undefined ? { plan: noted } : { receipt };
};

/** Sets the details of a sheet whose values were replaced, as for any other file that is replaced. */
const setDetails = async (
  { request, context }: UploadStep,
  fileId: string,
  { onSend }: Pick<UnansweredRequests, 'onSend'>,
): Promise<void> => {
  const details = detailsOfExisting(request);
  if (Object.values(details).every((value) => value === undefined)) return;
  await (await request.destination.drive.policy()).setDetails(fileId, details, { ...context, onSend });
};

/** Removes the courier's own content restriction from a sheet that exists. */
const unlockSheet = async (step: UploadStep, fileId: string): Promise<void> => {
  if (fileId === '' || !mayBeLocked(step)) return;
  await (await import('../locks.ts')).unlockEarly(step, fileId);
};

/** Keeps the retention of the destination from moving a sheet to the trash whose values are being replaced. */
const keepFromTrash = async (
  { request, ledger, context, now, sleep, atEnd }: UploadStep,
  fileId: string,
  requests: Pick<UnansweredRequests, 'count'>,
): Promise<void> => {
  if (request.destination.config.keep.length === 0) return;
  const lease = await acquireLease(ledger, fileLeaseKey(fileId), 'Another delivery to this file', context, {
    now,
    sleep,
  });
  atEnd(() => endLease(lease, requests));
};

/** A sheet that was found by its name may be removed before its rows are written. The next try finds or makes another one. */
const whenSheetMissing = ({ request: { destination } }: UploadStep, error: unknown): unknown =>
  destination.config.spreadsheet !== undefined || asCourierError(error).code !== 'folder-not-found'
    ? error
    : new CourierError('drive-unavailable', { detail: 'The sheet was removed in the meantime.', cause: error });

/** The file's own link, with the cells that were written. Sheets reads them behind the "#", other viewers before it. */
const linkOf = ({ webViewLink }: DriveFile, { sheetId, range }: WrittenRows): string => {
  const cells = firstCells(range);
  const selected = cells === '' ? `gid=${sheetId}` : `gid=${sheetId}&range=${cells}`;
  const [page = ''] = webViewLink.split('#');
  return `${page}${page.includes('?') ? '&' : '?'}${selected}#${selected}`;
};

const storedFile = (
  step: UploadStep,
  {
    file,
    isNew,
    written,
    received,
  }: { file: DriveFile; isNew: boolean; written: WrittenRows; received: { sha256: string; size: number } },
): StoredFile => {
  const { spreadsheetId, tab, range, rows, columnsAdded } = written;
  return {
    file: { ...file, webViewLink: linkOf(file, written) },
    outcome: outcomeOf(isNew ? 'created' : 'replaced', step.claim),
    isNew,
    received,
    sheet: { spreadsheetId, tab, range, rows, columnsAdded: [...columnsAdded] },
  };
};

/** The answer to a try whose key another try has finished before any row was written. */
const answeredBefore = async (step: UploadStep, receipt: Receipt): Promise<StoredFile> => {
  const { source, expectedSha256 } = step.delivery;
  await replay(receipt, { source, maxBytes: step.request.destination.config.maxBytes, expectedSha256 });
  return { file: await mustGet(step, receipt.id), outcome: 'replayed', isNew: false, receipt };
};

/** The answer to a try that was overtaken meanwhile. Its other bytes are read first: only the key's own get its receipt. */
const answeredOnTheWay = async (step: UploadStep, receipt: Receipt, meter: BytesMeter): Promise<StoredFile> => {
  await meter.readRest();
  const { sha256 } = meter.received();
  checkDigest(step.delivery.expectedSha256, sha256);
  sameBytes(sha256, receipt.sha256);
  return { file: await mustGet(step, receipt.id), outcome: 'replayed', isNew: false, receipt };
};

/**
 * Appends the rows of a delivery to a sheet, or replaces the values of a tab by them, once: a mark that is written with them
 * shows later tries that they are there.
 */
export const writeRows = async (step: UploadStep, plan: RowsPlan): Promise<StoredFile> => {
  const { request, delivery, claim, context, now, atEnd } = step;
  const { destination, rows: options } = request;
  const made = plan.fileId === '' ? await findOrMake(step, plan) : undefined;
  const noted =
    made !== undefined && 'receipt' in made ? made : await noteSheet(step, plan, made?.file.id ?? plan.fileId);
  if ('receipt' in noted) return answeredBefore(step, noted.receipt);
  const { fileId } = noted.plan;
  const found = made !== undefined && 'file' in made && made.isFound ? made.file : undefined;
  const isReplacement = plan.kind === 'replaceRows';
  const changes = createUnansweredChanges();
  const detailRequests = createUnanswered();
  // Each of the two takes the lease of the file, so the first has ended its own before the second begins.
  const current = found === undefined ? step : { ...step, plan: { ...noted.plan, ...lockOf(found) } };
  await unlockSheet(current, found?.id ?? plan.fileId);
  if (isReplacement) {
    await keepFromTrash(step, fileId, { count: () => changes.count() + detailRequests.count() });
  }
  const { mimeType, quotedIsText = false } = delivery.source;
  const meter = createBytesMeter(delivery.source, destination.config.maxBytes);
  let answered: Receipt | undefined;
  let askedAtMs = now();

  /** Before the last batch, all bytes are known: they are checked, and noted as those of the key. */
  const commit = async (): Promise<void> => {
    const { sha256 } = meter.received();
    checkDigest(delivery.expectedSha256, sha256);
    askedAtMs = now();
    const outcome = await claim?.commitTo(sha256, noted.plan);
    if (typeof outcome === 'object') answered = outcome.receipt;
    if (outcome !== undefined && outcome !== 'committed') throw planChanged();
  };
  async function* checked(): AsyncGenerator<Batch> {
    const read = { mimeType, quotedIsText, dates: options.dates ?? false, anyShape: isReplacement };
    const rows = readRows(meter.bytes, read);
    for await (const batch of batchesOf(rows, isReplacement ? MAX_CHANGE_BYTES : MAX_BATCH_BYTES)) {
      if (batch.isLast) await commit();
      yield batch;
    }
  }

  const sheets = await destination.sheets();
  const key = claim === undefined ? randomBytes(24).toString('base64url') : keyMark(claim.key);
  atEnd(async () => {
    if (claim === undefined || claim.isFinished()) sheets.finished(fileId, key);
  });
  const isSuperseded =
    claim === undefined
      ? undefined
      : async (): Promise<boolean> => {
          askedAtMs = now();
          answered ??= await claim.refresh();
          return answered !== undefined || claim.plan().fileId !== fileId;
        };
  const batches = checked();
  try {
    const asked = {
      ...{ spreadsheetId: fileId, tab: plan.tab ?? options.tab },
      ...{ key, mayBeDone: claim !== undefined && (!claim.mine || found !== undefined), isSuperseded, batches },
      askedAtMs: () => askedAtMs,
    };
    const written = isReplacement
      ? await sheets.replace({ ...asked, context: { ...context, changes } })
      : await sheets.append({ ...asked, context, columns: options.columns ?? 'extend' });
    if (!written.isRepeated) delivery.stored?.();
    if (isReplacement) await setDetails(step, fileId, detailRequests);
    // Those whose rows were written by the same change ask for the file at the same time.
    const file = await destination.drive.getShared(fileId, context);
    if (file === undefined) throw notShownYet();
    const isNew = made !== undefined && (claim === undefined ? found === undefined : isOwnFile(claim, file));
    return storedFile(step, { file, isNew, written, received: meter.received() });
  } catch (thrown) {
    if (answered !== undefined) return await answeredOnTheWay(step, answered, meter);
    const error = whenSheetMissing(step, thrown);
    // The caller of this function knows only the plan, which does not name the sheet.
    throw found === undefined ? error : await (await import('../locks.ts')).afterFailure(current, error);
  } finally {
    await batches.return(undefined);
  }
};
