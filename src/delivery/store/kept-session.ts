import type { UploadRequest, UploadTarget } from '../../drive/drive.ts';
import type { Plan } from '../plan.ts';
import type { UploadStep } from './upload-step.ts';

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
 * Keeps the upload's sessions in the ledger, so that a redelivery resumes at the byte that Drive has acknowledged.
 * @returns `sessionUri` of an earlier try's session, only if that writes to the file that this try would write to now
 */
export const keptSession = async ({
  claim,
  plan,
  ledger,
  delivery,
  now,
}: UploadStep): Promise<Pick<UploadRequest, 'keepSession'> & { sessionUri?: string }> => {
  if (claim === undefined || delivery.source.openAt === undefined || delivery.source.identity === undefined) return {};
  const key = sessionKey(claim.key);
  const entry = claim.mine ? undefined : await ledger.read(key);
  const kept = entry?.record as KeptSession | undefined;
  const isCurrent = kept?.kind === plan.kind && kept.fileId === plan.fileId && kept.folderId === plan.folderId;

  const keepSession = async (uri: string, target: UploadTarget): Promise<void> => {
    const record = describeSession(uri, target, plan);
    const claimed = { fileId: record.fileId, fingerprint: '', state: 'claimed', record, claimedAtMs: now() } as const;
    let written = await ledger.claim(key, claimed);
    // The newest session is the one to resume: tries that share an older one have interfered with each other.
    while (!written.mine) written = await ledger.record(key, { state: 'claimed', record }, written.entry);
  };
  return { keepSession, ...(isCurrent ? { sessionUri: kept.uri } : {}) };
};
