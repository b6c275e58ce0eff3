import type { CallContext, DriveFile, ReceivedBytes, UploadRequest } from '../../drive/drive.ts';
import type { Lease, UnansweredWork } from '../../ledger/lease.ts';
import { createUnanswered } from '../../unanswered-requests.ts';
import { keyMark } from '../idempotency.ts';
import type { UploadStep } from './upload-step.ts';

/** The requests of a delivery, under the lease of its file, that Drive may still carry out. */
export interface UnansweredCommits {
  /** For each request that turns the bytes into the content of the file. */
  onCommit: NonNullable<UploadRequest['onCommit']>;
  /** For other requests that change the file. */
  onSideEffect: NonNullable<CallContext['onSend']>;
  /** The file is there, so no request can create it any more. */
  fileExists(): void;
  /** Drive has shown the file. */
  looked(): void;
  /** The file has the bytes of one request that replaces it. */
  tookEffect(): void;
  /** Releases the lease, or lets it expire if a request may still take effect. */
  end(lease: Lease): Promise<void>;
  /** Whether the request of an earlier try of the key, which has ended without an answer, has taken effect. */
  hasTakenEffect(fileId: string, bytes: ReceivedBytes): (work: UnansweredWork) => Promise<boolean>;
}

/** @param wereStored whether the bytes were in the file at some time since its `former` revision */
export const createUnansweredCommits = (
  { request, plan, claim, context }: UploadStep,
  wereStored: (shown: { file: DriveFile; bytes: ReceivedBytes; former: string | undefined }) => Promise<boolean>,
): UnansweredCommits => {
  const creating = createUnanswered();
  const replacing = createUnanswered();
  const others = createUnanswered();
  /** An attempt has put the bytes into the file, so these do not show whether another one has taken effect as well. */
  let isWritten = false;

  /** What shows a later try of the key that nothing can take effect any more. Undefined if there is no such sign. */
  const unansweredWork = (): UnansweredWork | undefined => {
    // Drive has no checksum of a Docs editors file.
    const isConversion = plan.kind === 'replace' && plan.convertTo !== undefined;
    if (claim === undefined || others.count() > 0 || isConversion) return undefined;
    const by = keyMark(claim.key);
    if (replacing.count() === 0) return { by, effect: 'created' };
    return creating.count() === 0 && replacing.count() === 1 && !isWritten ? { by, effect: 'replaced' } : undefined;
  };

  return {
    onCommit({ kind }) {
      const onAnswer = (kind === 'replace' ? replacing : creating).onSend();
      return (status) => {
        onAnswer(status);
        if (typeof status !== 'number') return;
        if (status < 300) isWritten = true;
        // Drive has created the file, or says that it exists. No other request can create it.
        if (kind === 'create' && (status < 300 || status === 409)) creating.clear();
      };
    },
    onSideEffect: others.onSend,
    fileExists: creating.clear,
    looked: replacing.looked,
    tookEffect() {
      isWritten = true;
      replacing.tookEffect();
    },
    end(lease) {
      // A write that a server error has answered has taken effect by now, or never will. The next holder writes after it. Other
      // requests may have moved the file to the trash, which the next holder may have looked at before.
      for (const requests of [creating, replacing]) requests.looked();
      const isOver = [creating, replacing, others].every((requests) => requests.count() === 0);
      return isOver ? lease.release() : lease.abandon(unansweredWork());
    },
    hasTakenEffect:
      (fileId, bytes) =>
      async ({ by, effect }) => {
        if (claim === undefined || by !== keyMark(claim.key)) return false;
        const file = await request.destination.drive.get(fileId, context);
        // Only one request can create the file.
        if (file === undefined || effect === 'created') return file !== undefined;
        const former = plan.kind === 'replace' ? plan.formerRevisionId : undefined;
        const isUnchanged = former !== undefined && file.headRevisionId === former;
        return !isUnchanged && (await wereStored({ file, bytes, former }));
      },
  };
};
