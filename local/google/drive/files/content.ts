import { createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Actor, isOwnType, type ReceivedBytes, type StoredFile, type StoredRevision } from '../model.ts';
import type { DriveState } from '../store/state.ts';

/** What is known about content before its bytes have arrived. */
export interface MediaDescription {
  mimeType: string;
  /** Undefined while the size is unknown. */
  size?: number | undefined;
}

const digestOf = (algorithm: string): string => createHash(algorithm).digest('hex');
const EMPTY = { md5: digestOf('md5'), sha1: digestOf('sha1'), sha256: digestOf('sha256'), size: 0 };

/** The empty content of a file that is created from metadata only. */
export function noBytes(state: DriveState, mimeType: string): ReceivedBytes {
  const path = join(state.store.uploadsDir, state.ids.revision());
  writeFileSync(path, '');
  return { ...EMPTY, path, mimeType };
}

/** Adds received bytes as the newest revision. The caller saves the file. */
export function addRevision(
  state: DriveState,
  actor: Actor,
  file: StoredFile,
  received: ReceivedBytes,
  keepForever: boolean,
): void {
  const { md5, sha1, sha256, size } = received;
  const revision: StoredRevision = {
    id: state.ids.revision(),
    mimeType: isOwnType(file.mimeType) ? file.mimeType : received.mimeType,
    size,
    md5,
    sha1,
    sha256,
    modifiedMs: file.modifiedMs,
    modifiedBy: actor.account.email,
    keepForever,
    originalFilename: file.originalFilename,
  };
  state.store.keepBytes(file.id, revision, received);
  file.revisions = [...file.revisions, revision];
}
