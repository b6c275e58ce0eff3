import type { Receipt } from '../../../domain.ts';
import type { DriveFile } from '../../../drive/drive.ts';
import { endLease, underLease } from '../../../ledger/lease.ts';
import { MAX_SEARCH_AGE_MS } from '../../../look-age.ts';
import { createUnanswered, type OnAnswer } from '../../../unanswered-requests.ts';
import { DOCS_TYPES } from '../../checks/check-conversion.ts';
import { isSamePlan, keyProperty } from '../../idempotency.ts';
import { rememberConverted } from '../../naming/named-file.ts';
import { findConvertedOrCheck } from '../../naming/namesake.ts';
import { detailsOfNew, marksOfNew } from '../../resolve-options.ts';
import { acquireNameLease } from '../name-lease.ts';
import type { RowsPlan } from './plan-rows.ts';
import { planChanged, revisePlan, type UploadStep } from '../upload-step.ts';

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

/** The sheet that rows are written to. */
export interface TargetSheet {
  /** With the sheet's id. */
  plan: RowsPlan;
  /** `planned`: an earlier try, the caller or the configuration has named it. Otherwise this try has found it by name, or made it. */
  origin: 'planned' | 'found' | 'made';
  /** Of a sheet that was found. */
  found?: DriveFile;
}

/** Finds or makes the sheet, and notes its id. @returns the receipt instead, if another try has finished the key meanwhile */
export const findTarget = async (step: UploadStep, plan: RowsPlan): Promise<TargetSheet | { receipt: Receipt }> => {
  if (plan.fileId !== '') {
    const noted = await noteSheet(step, plan, plan.fileId);
    return 'receipt' in noted ? noted : { ...noted, origin: 'planned' };
  }
  const made = await findOrMake(step, plan);
  if ('receipt' in made) return made;
  const noted = await noteSheet(step, plan, made.file.id);
  if ('receipt' in noted) return noted;
  return made.isFound ? { ...noted, origin: 'found', found: made.file } : { ...noted, origin: 'made' };
};
