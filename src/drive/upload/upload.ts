import type { Failure } from '../../google/transport.ts';
import type { Log } from '../../log.ts';
import { CourierError } from '../../errors.ts';
import type { DriveClient } from '../client.ts';
import type { Drive, ReceivedBytes, UploadTarget } from '../drive.ts';
import type { BufferBudget } from './buffer-budget.ts';
import type { Sender } from './create-or-update.ts';
import { MULTIPART_BYTES, sendMultipart } from './multipart.ts';
import { sendResumable } from './resumable.ts';
import { createUploadSource, MARGIN_MS } from './upload-source.ts';
import { verify } from './verify.ts';

export interface UploadDependencies {
  client: DriveClient;
  files: Pick<Drive, 'get' | 'removeUnchanged' | 'revisions' | 'removeRevision'>;
  budget: BufferBudget;
  again(failure: Failure): Promise<boolean>;
  now: () => number;
  log: Log;
}

/** A session needs two blocks: with one, a chunk of which Drive stored an odd part could not be made a multiple again. */
const SESSION_BLOCKS = 2;

/** Blocks to begin with: as many as a small file fills, so that it can be sent in one request; otherwise the fewest that a session needs. */
const blocksFor = (size: number | undefined, { blockBytes }: BufferBudget, multipartBytes: number): number =>
  size === undefined || size > multipartBytes ? SESSION_BLOCKS : Math.max(1, Math.ceil(size / blockBytes));

/** Whether a multipart request may be sent again when its answer was lost. */
const isRepeatable = (target: UploadTarget): boolean => target.kind === 'replace' || target.file.id !== undefined;

/**
 * Makes `Drive.startUpload`.
 * @param multipartBytes how much one request carries at most; only tests pass another value
 */
export const createStartUpload =
  (
    { client, files, budget, again, now, log }: UploadDependencies,
    multipartBytes = MULTIPART_BYTES,
  ): Drive['startUpload'] =>
  async (request) => {
    const { size, openAt } = request.source;
    const { signal, deadlineMs } = request;
    const lease = await budget.lease(blocksFor(size, budget, multipartBytes), {
      ...(signal === undefined ? {} : { signal }),
      ...(deadlineMs === undefined ? {} : { deadlineMs: deadlineMs - MARGIN_MS }),
    });
    const source = createUploadSource(request, { lease, blockBytes: budget.blockBytes, now });
    const sender: Sender = { client, get: files.get, request, source, now, again };

    /** The whole file, if it may and does fit into one request. */
    const readSmall = async (target: UploadTarget, isResumed: boolean): Promise<ReceivedBytes | undefined> =>
      (size ?? 0) > multipartBytes || !isRepeatable(target) || isResumed
        ? undefined
        : source.buffer().readAhead(multipartBytes);

    return {
      async send(target, sessionUri) {
        if (!source.rewind()) {
          throw new CourierError('drive-unavailable', { detail: 'The bytes cannot be sent again.' });
        }
        const resumed = openAt === undefined ? undefined : sessionUri;
        const small = await readSmall(target, resumed !== undefined);
        const sent =
          small === undefined
            ? await sendResumable(sender, target, resumed)
            : await sendMultipart(sender, target, small);
        switch (sent.kind) {
          case 'written':
            return verify({ files, now, log, request, source }, target, sent);
          case 'written-before':
            return { kind: 'stored', file: sent.file, received: await source.received() };
          case 'superseded':
            return { kind: 'superseded', file: sent.file, received: await source.received() };
          default:
            return sent;
        }
      },
      received: source.received,
      close() {
        source.close();
        lease.close();
      },
    };
  };
