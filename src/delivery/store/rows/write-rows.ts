import { randomBytes } from 'node:crypto';
import { checkDigest, type Receipt } from '../../../domain.ts';
import type { DriveFile } from '../../../drive/drive.ts';
import { asCourierError, CourierError } from '../../../errors.ts';
import { acquireLease, endLease, fileLeaseKey } from '../../../ledger/lease.ts';
import { firstCells } from '../../../sheets/a1.ts';
import { type Batch, batchesOf, MAX_BATCH_BYTES, MAX_CHANGE_BYTES } from '../../../sheets/rows/batches.ts';
import { readRows } from '../../../sheets/rows/read-rows.ts';
import type { WrittenRows } from '../../../sheets/sheets.ts';
import { createUnansweredChanges } from '../../../sheets/unanswered-changes.ts';
import { createUnanswered, type UnansweredRequests } from '../../../unanswered-requests.ts';
import { notShownYet } from '../../hidden-file.ts';
import { isOwnFile, keyMark, sameBytes } from '../../idempotency.ts';
import { lockOf, mayBeLocked } from '../../plan.ts';
import { replay } from '../../receipt.ts';
import { detailsOfExisting } from '../../resolve-options.ts';
import { type BytesMeter, createBytesMeter } from './bytes-meter.ts';
import { findTarget, type TargetSheet } from './find-sheet.ts';
import type { RowsPlan } from './plan-rows.ts';
import { mustGet, outcomeOf, planChanged, type StoredFile, type UploadStep } from '../upload-step.ts';

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
  if (!mayBeLocked(step)) return;
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
 * Prepares a sheet for what is written to it. Each of the two takes the lease of the file, so the first has ended its own before
 * the second begins.
 * @returns the step, which knows the content restriction of a sheet that was found
 */
const openSheet = async (
  step: UploadStep,
  { plan, origin, found }: TargetSheet,
  requests: Pick<UnansweredRequests, 'count'>,
): Promise<UploadStep> => {
  const current = found === undefined ? step : { ...step, plan: { ...plan, ...lockOf(found) } };
  if (origin !== 'made') await unlockSheet(current, plan.fileId);
  if (plan.kind === 'replaceRows') await keepFromTrash(step, plan.fileId, requests);
  return current;
};

/** The error that ends a try whose rows could not be written. */
const afterFailedWrite = async (step: UploadStep, { found }: TargetSheet, thrown: unknown): Promise<unknown> => {
  const error = whenSheetMissing(step, thrown);
  // The caller of `writeRows` knows only the plan, which does not name a sheet that was found.
  return found === undefined ? error : (await import('../locks.ts')).afterFailure(step, error);
};

/** Whether a try of this delivery has made the sheet. */
const isNewSheet = (claim: UploadStep['claim'], { origin }: TargetSheet, file: DriveFile): boolean => {
  if (origin === 'planned') return false;
  return claim === undefined ? origin === 'made' : isOwnFile(claim, file);
};

/** What the ledger says of the key while its rows are written. */
const watchKey = ({ claim, delivery, now }: UploadStep, plan: RowsPlan) => {
  let receipt: Receipt | undefined;
  let askedAtMs = now();
  return {
    /** Of another try that has finished meanwhile. */
    receipt: () => receipt,
    /** When the ledger was last asked, in epoch milliseconds. */
    askedAtMs: () => askedAtMs,
    /** Before the last batch, all bytes are known: they are checked, and noted as those of the key. */
    async commit(sha256: string): Promise<void> {
      checkDigest(delivery.expectedSha256, sha256);
      askedAtMs = now();
      const outcome = await claim?.commitTo(sha256, plan);
      if (typeof outcome === 'object') receipt = outcome.receipt;
      if (outcome !== undefined && outcome !== 'committed') throw planChanged();
    },
    /** Whether another try has finished, or writes to another sheet. */
    isSuperseded:
      claim &&
      (async (): Promise<boolean> => {
        askedAtMs = now();
        receipt ??= await claim.refresh();
        return receipt !== undefined || claim.plan().fileId !== plan.fileId;
      }),
  };
};

type KeyWatch = ReturnType<typeof watchKey>;

/** The rows in batches. The last one comes only after the check of all bytes. */
async function* readBatches(
  { request, delivery }: UploadStep,
  { kind }: RowsPlan,
  { meter, watch }: { meter: BytesMeter; watch: KeyWatch },
): AsyncGenerator<Batch> {
  const { mimeType, quotedIsText = false } = delivery.source;
  const isReplacement = kind === 'replaceRows';
  const read = { mimeType, quotedIsText, dates: request.rows.dates ?? false, anyShape: isReplacement };
  const rows = readRows(meter.bytes, read);
  for await (const batch of batchesOf(rows, isReplacement ? MAX_CHANGE_BYTES : MAX_BATCH_BYTES)) {
    if (batch.isLast) await watch.commit(meter.received().sha256);
    yield batch;
  }
}

/**
 * Appends the rows of a delivery to a sheet, or replaces the values of a tab by them, once: a mark that is written with them
 * shows later tries that they are there.
 */
export const writeRows = async (step: UploadStep, plan: RowsPlan): Promise<StoredFile> => {
  const { request, delivery, claim, context, atEnd } = step;
  const { destination, rows: options } = request;
  const target = await findTarget(step, plan);
  if ('receipt' in target) return answeredBefore(step, target.receipt);
  const { fileId } = target.plan;
  const isReplacement = plan.kind === 'replaceRows';
  const changes = createUnansweredChanges();
  const detailRequests = createUnanswered();
  const current = await openSheet(step, target, { count: () => changes.count() + detailRequests.count() });
  const meter = createBytesMeter(delivery.source, destination.config.maxBytes);
  const watch = watchKey(step, target.plan);
  const sheets = await destination.sheets();
  const key = claim === undefined ? randomBytes(24).toString('base64url') : keyMark(claim.key);
  atEnd(async () => {
    if (claim === undefined || claim.isFinished()) sheets.finished(fileId, key);
  });
  const batches = readBatches(step, plan, { meter, watch });
  try {
    const asked = {
      ...{ spreadsheetId: fileId, tab: plan.tab ?? options.tab, key, batches },
      mayBeDone: claim !== undefined && (!claim.mine || target.origin === 'found'),
      ...{ isSuperseded: watch.isSuperseded, askedAtMs: watch.askedAtMs },
    };
    const written = isReplacement
      ? await sheets.replace({ ...asked, context: { ...context, changes } })
      : await sheets.append({ ...asked, context, columns: options.columns ?? 'extend' });
    if (!written.isRepeated) delivery.stored?.();
    if (isReplacement) await setDetails(step, fileId, detailRequests);
    // Those whose rows were written by the same change ask for the file at the same time.
    const file = await destination.drive.getShared(fileId, context);
    if (file === undefined) throw notShownYet();
    return storedFile(step, { file, isNew: isNewSheet(claim, target, file), written, received: meter.received() });
  } catch (thrown) {
    const receipt = watch.receipt();
    if (receipt !== undefined) return await answeredOnTheWay(step, receipt, meter);
    throw await afterFailedWrite(current, target, thrown);
  } finally {
    await batches.return(undefined);
  }
};
