import type { Outcome, Receipt, SheetReceipt } from '../../domain.ts';
import type { DriveFile, Upload, UploadRequest, UploadResult, UploadTarget } from '../../drive/drive.ts';
import { CourierError, isAccountQuota } from '../../errors.ts';
import { notShownYet } from '../hidden-file.ts';
import { type Claim, isSamePlan } from '../idempotency.ts';
import { resolveNamedFile } from '../naming/named-file.ts';
import { type Plan, quotaOf } from '../plan.ts';
import type { DeliveryContext } from '../resolve-options.ts';

/** What storing a delivery's bytes takes. */
export interface UploadStep extends DeliveryContext {
  plan: Plan;
  claim: Claim | undefined;
  /** When the plan was made or checked, in epoch milliseconds. */
  plannedAtMs: number;
  /** Files whose content restriction this delivery has removed. */
  unlocked: string[];
  /** Where the destination has several accounts: an upload of an account that Drive has refused, for the next account. */
  refused?: { upload?: Upload | undefined };
  /** Runs after the receipt is recorded, or the delivery has failed. */
  atEnd(work: () => Promise<void>): void;
}

/** The file of a delivery, and what came of the delivery. */
export interface StoredFile {
  file: DriveFile;
  outcome: Outcome;
  /** Whether this delivery, or an earlier try of it, created the file. */
  isNew: boolean;
  received?: { sha256: string; size: number };
  warnings?: readonly string[];
  /** Where the rows are, if they were put into a sheet. */
  sheet?: SheetReceipt;
  /** Set if another try of the same key was faster: its receipt is also the answer to this one. */
  receipt?: Receipt | undefined;
}

/** What every upload of a delivery has in common. */
const uploadRequest = ({ request, delivery, context, claim }: UploadStep): UploadRequest => ({
  ...context,
  source: delivery.source,
  maxBytes: request.destination.config.maxBytes,
  expectedSha256: delivery.expectedSha256,
  // An earlier try may have stored the bytes, and others may have replaced them since: Drive shows that by MD5.
  ...(claim?.mine === false ? { withMd5: true } : {}),
  ...quotaOf(request.destination),
});

/** The upload, which also notifies the delivery when Drive has stored its bytes. */
const reporting = (upload: Upload, { stored }: UploadStep['delivery']): Upload => {
  if (stored === undefined) return upload;
  return {
    ...upload,
    async send(...target) {
      const result = await upload.send(...target);
      if (result.kind === 'stored') stored();
      return result;
    },
  };
};

/** Starts an upload of the delivery's bytes, and frees its buffers once they are sent. */
export const withUpload = async <Result>(
  step: UploadStep,
  options: Partial<UploadRequest>,
  send: (upload: Upload) => Promise<Result>,
): Promise<Result> => {
  const { refused } = step;
  const upload = await step.request.destination.drive.startUpload(
    { ...uploadRequest(step), ...options },
    refused?.upload,
  );
  if (refused !== undefined) refused.upload = undefined;
  try {
    return await send(reporting(upload, step.delivery));
  } catch (error) {
    if (refused !== undefined && isAccountQuota(error)) refused.upload = upload;
    throw error;
  } finally {
    if (refused?.upload !== upload) upload.close();
  }
};

/** For uploads to a target that cannot be replaced by another one. @throws CourierError why nothing was stored */
export const mustBeStored = (result: UploadResult): Extract<UploadResult, { kind: 'stored' | 'superseded' }> => {
  if (result.kind === 'stored' || result.kind === 'superseded') return result;
  throw result.kind === 'exists' ? new CourierError('drive-unavailable') : result.error;
};

export const mustGet = async ({ request, context }: UploadStep, id: string): Promise<DriveFile> => {
  const file = await request.destination.drive.get(id, context);
  if (file === undefined) throw notShownYet();
  return file;
};

export const planChanged = (): CourierError =>
  new CourierError('drive-unavailable', { detail: 'Another try has changed the plan.' });

/**
 * Notes a plan for all tries of the key.
 * @returns the receipt, if another try has been answered
 * @throws CourierError `drive-unavailable` if another try has noted another plan
 */
export const revisePlan = async (claim: Claim, plan: Plan): Promise<Receipt | undefined> => {
  const receipt = await claim.revise(plan);
  if (receipt === undefined && !isSamePlan(claim.plan(), plan)) throw planChanged();
  return receipt;
};

export const outcomeOf = (first: 'created' | 'replaced', claim: Claim | undefined): Outcome =>
  claim === undefined || claim.mine ? first : 'replayed';

const isSameId = (claim: Claim | undefined, id: string): boolean => {
  const plan = claim?.plan();
  return plan?.kind === 'create' && plan.fileId === id;
};

/**
 * Gives the name or the key another id, so that the next try can create the file.
 * @param mayBeHidden Drive has refused the id and does not show its file, so that it may still appear
 * @throws CourierError `drive-unavailable` as long as it may
 */
export const giveUpId = async (
  step: UploadStep,
  plan: Plan & { kind: 'create' },
  { unusable, mayBeHidden = false }: { unusable: string; mayBeHidden?: boolean },
): Promise<void> => {
  const { request, claim, ledger, context, log, now, sleep } = step;
  const { drive } = request.destination;
  const { folderId, nameKey } = plan;
  if (nameKey === undefined) {
    if (claim === undefined || !isSameId(claim, unusable)) return;
    if (mayBeHidden) await claim.keepWhileHidden(drive.now);
    await claim.revise({ ...plan, fileId: await drive.newId(context) });
    return;
  }
  const named = await resolveNamedFile({
    ...{ drive, ledger, folderId, name: request.name, context, log, now, sleep, unusable, mayBeHidden },
  });
  if ('claimedId' in named && isSameId(claim, unusable)) {
    await claim?.revise({ ...plan, fileId: named.claimedId, nameKey: named.nameKey });
  }
};

/** A resumable session of an earlier try, and the file that it writes to. */
interface KeptSession {
  uri: string;
  /** Of the account that it belongs to, where the destination has several. */
  credentials?: string | undefined;
  kind: 'create' | 'replace';
  fileId: string;
  folderId: string;
}

const sessionKey = (key: string): string => `session:${key}`;

const describeSession = (uri: string, target: UploadTarget, { folderId, credentials }: Plan): KeptSession => ({
  uri,
  ...(target.kind === 'create'
    ? { kind: 'create', fileId: target.file.id ?? '', folderId: target.file.folderId }
    : { kind: 'replace', fileId: target.id, folderId }),
  credentials,
});

/**
 * Records the upload's sessions in the ledger, so that a redelivery resumes at the byte that Drive has acknowledged.
 * @returns `sessionUri` of an earlier try's session, only if that writes to the file that this try would write to now
 */
export const keptSession = async ({
  request,
  claim,
  plan,
  ledger,
  delivery,
}: UploadStep): Promise<Pick<UploadRequest, 'keepSession'> & { sessionUri?: string }> => {
  if (claim === undefined || delivery.source.openAt === undefined || delivery.source.identity === undefined) return {};
  const key = sessionKey(claim.key);
  const entry = claim.mine ? undefined : await ledger.read(key);
  const kept = entry?.record as KeptSession | undefined;
  const isCurrent =
    kept?.kind === plan.kind &&
    kept.fileId === plan.fileId &&
    kept.folderId === plan.folderId &&
    kept.credentials === plan.credentials;

  const keepSession = async (uri: string, target: UploadTarget): Promise<void> => {
    const record = describeSession(uri, target, plan);
    const claimed = {
      fileId: record.fileId,
      fingerprint: '',
      state: 'claimed',
      record,
      claimedAtMs: request.sinceMs,
    } as const;
    let written = await ledger.claim(key, claimed);
    // The newest session is the one to resume: tries that share an older one have interfered with each other.
    while (!written.mine) written = await ledger.record(key, { state: 'claimed', record }, written.entry);
  };
  return { keepSession, ...(isCurrent ? { sessionUri: kept.uri } : {}) };
};
