import type { Delivery, Outcome, Receipt } from '../../domain.ts';
import type { CallContext, DriveFile, UploadRequest, UploadTarget } from '../../drive/drive.ts';
import { resolveNamedFile } from '../naming/named-file.ts';
import { CourierError } from '../../errors.ts';
import type { Ledger } from '../../ledger/ledger.ts';
import type { Log } from '../../log.ts';
import type { Sleep } from '../../sleep.ts';
import type { Claim } from '../idempotency.ts';
import type { Plan } from '../plan.ts';
import type { ResolvedRequest } from '../resolve-options.ts';

export interface UploadStep {
  request: ResolvedRequest;
  plan: Plan;
  delivery: Delivery;
  claim: Claim | undefined;
  ledger: Ledger;
  context: CallContext;
  log: Log;
  /** Epoch milliseconds. */
  now: () => number;
  sleep: Sleep;
  /** When the plan was made or checked, in epoch milliseconds. */
  plannedAtMs: number;
  /** Runs after the receipt is recorded, or the delivery has failed. */
  atEnd(work: () => Promise<void>): void;
}

export interface StoredFile {
  file: DriveFile;
  outcome: Outcome;
  received?: { sha256: string; size: number };
  warnings?: readonly string[];
  /** Of another try of the same key, which was faster: it is the answer of this one too. */
  receipt?: Receipt;
}

export type UploadOptions = Omit<UploadRequest, 'target'>;

/** What every upload of a delivery has in common. */
export const uploadOptions = ({ request, delivery, context, claim }: UploadStep): UploadOptions => ({
  ...context,
  source: delivery.source,
  maxBytes: request.destination.config.maxBytes,
  ...(delivery.expectedSha256 === undefined ? {} : { expectedSha256: delivery.expectedSha256 }),
  // An earlier try may have stored the bytes, and others may have replaced them since: Drive tells by MD5.
  ...(claim?.mine === false ? { withMd5: true } : {}),
});

export const descriptionOf = ({ request }: UploadStep): { description?: string } =>
  request.description === undefined ? {} : { description: request.description };

export const mustGet = async ({ request, context }: UploadStep, id: string): Promise<DriveFile> => {
  const file = await request.destination.drive.get(id, context);
  if (file === undefined) throw new CourierError('drive-unavailable', { detail: 'Drive does not show the file yet.' });
  return file;
};

export const outcomeOf = (first: 'created' | 'replaced', claim: Claim | undefined): Outcome =>
  claim === undefined || claim.mine ? first : 'replayed';

/** A resumable session of an earlier try, and the file that it writes to. */
interface KeptSession {
  uri: string;
  kind: 'create' | 'replace';
  fileId: string;
  folderId: string;
}

const sessionKey = (key: string): string => `session:${key}`;

const describeSession = (uri: string, target: UploadTarget, { folderId }: Plan): KeptSession =>
  target.kind === 'create'
    ? { uri, kind: 'create', fileId: target.file.id ?? '', folderId: target.file.folderId }
    : { uri, kind: 'replace', fileId: target.id, folderId };

/**
 * Where the engine keeps its session, so that a redelivery resumes at the byte that Drive has acknowledged. A kept session
 * is used only if it writes to the file that this try would write to now.
 */
export const resumption = async ({
  claim,
  plan,
  ledger,
  delivery,
  now,
}: UploadStep): Promise<Pick<UploadOptions, 'resume'>> => {
  if (claim === undefined || delivery.source.openAt === undefined || delivery.source.identity === undefined) return {};
  const key = sessionKey(claim.key);
  const entry = claim.mine ? undefined : await ledger.read(key);
  const kept = entry?.record as KeptSession | undefined;
  const isCurrent = kept?.kind === plan.kind && kept.fileId === plan.fileId && kept.folderId === plan.folderId;
  const keep = async (uri: string, target: UploadTarget): Promise<void> => {
    const record = describeSession(uri, target, plan);
    const claimed = { fileId: record.fileId, fingerprint: '', state: 'claimed', record, claimedAtMs: now() } as const;
    let written = await ledger.claim(key, claimed);
    // The newest session is the one to resume: tries that share an older one have got in each other's way.
    while (!written.mine) written = await ledger.record(key, { state: 'claimed', record }, written.entry);
  };
  return { resume: { keep, ...(isCurrent ? { sessionUri: kept.uri } : {}) } };
};

const isSameId = (claim: Claim | undefined, id: string): boolean => {
  const plan = claim?.plan();
  return plan?.kind === 'create' && plan.fileId === id;
};

/** The name or the key gets another id, so that the next try can make the file. */
export const giveUpId = async (step: UploadStep, plan: Plan & { kind: 'create' }, unusable: string): Promise<void> => {
  const { request, claim, ledger, context, log, now, sleep } = step;
  const { drive } = request.destination;
  const { folderId, nameKey } = plan;
  if (nameKey === undefined) {
    if (isSameId(claim, unusable)) await claim?.revise({ ...plan, fileId: await drive.newId(context) });
    return;
  }
  const named = await resolveNamedFile({
    ...{ drive, ledger, folderId, name: request.name, context, log, now, sleep, unusable },
  });
  if ('claimedId' in named && isSameId(claim, unusable)) {
    await claim?.revise({ ...plan, fileId: named.claimedId, nameKey: named.nameKey });
  }
};
