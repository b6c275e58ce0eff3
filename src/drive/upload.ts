import { checkDigest } from '../digest.ts';
import type { Failure } from '../google/transport.ts';
import type { Log } from '../log.ts';
import type { BufferBudget } from './budget.ts';
import { type Bytes, createBytes, MARGIN_MS } from './bytes.ts';
import type { DriveClient } from './client.ts';
import type { Drive, Uploaded, UploadRequest } from './drive.ts';
import { fileOf } from './file.ts';
import { MULTIPART_BYTES, sendMultipart } from './multipart.ts';
import { sendResumable } from './resumable.ts';
import { type Landed, offer, type TargetRules, withDigest } from './target.ts';
import { verify } from './verify.ts';
import type { Whole } from './window.ts';

export interface UploadDependencies {
  client: DriveClient;
  files: Pick<Drive, 'get' | 'remove' | 'removeRevision'>;
  budget: BufferBudget;
  again(failure: Failure): Promise<boolean>;
  now: () => number;
  log: Log;
}

/** A session needs two blocks: with one, a chunk of which Drive stored an odd part could not be brought to a multiple again. */
const SESSION_BLOCKS = 2;

/** Blocks to begin with: a small file's own, so that it surely goes in one request; else the fewest that a session needs. */
const blocksFor = (size: number | undefined, { blockBytes }: BufferBudget, multipartBytes: number): number =>
  size === undefined || size > multipartBytes ? SESSION_BLOCKS : Math.max(1, Math.ceil(size / blockBytes));

/** Whether a multipart request may be sent again when its answer was lost. */
const isRepeatable = ({ target }: UploadRequest): boolean => target.kind === 'replace' || target.file.id !== undefined;

const landMultipart = async (
  { client, rules, request, bytes }: { client: DriveClient; rules: TargetRules; request: UploadRequest; bytes: Bytes },
  whole: Whole,
): Promise<Landed> => {
  await bytes.commit(whole);
  const views = bytes.window().views(0, whole.size);
  const wanted = withDigest(request, whole.sha256);
  const accepted = await offer(rules, wanted, (target) => sendMultipart(client, target, views, request));
  if (accepted.kind === 'exists') return accepted.landed;
  const replaced = accepted.target.kind === 'replace';
  return {
    file: fileOf(accepted.response),
    existed: replaced && request.target.kind === 'create',
    ours: true,
    replaced,
  };
};

/**
 * Puts a source's bytes into Drive; see `Drive.upload`.
 * @param multipartBytes what goes in one request at most; a parameter for tests alone.
 */
export const createUpload =
  ({ client, files, budget, again, now, log }: UploadDependencies, multipartBytes = MULTIPART_BYTES): Drive['upload'] =>
  async (request): Promise<Uploaded> => {
    const { source } = request;
    const { signal, deadlineMs } = request;
    const lease = await budget.lease(blocksFor(source.size, budget, multipartBytes), {
      ...(signal === undefined ? {} : { signal }),
      ...(deadlineMs === undefined ? {} : { deadlineMs: deadlineMs - MARGIN_MS }),
    });
    const bytes = createBytes(request, { lease, blockBytes: budget.blockBytes, now });
    const rules: TargetRules = { client, get: files.get, request };

    /** The whole file, when it may and does go in one request. */
    const readSmall = async (): Promise<Whole | undefined> => {
      if ((source.size ?? 0) > multipartBytes || !isRepeatable(request)) return undefined;
      if (request.resume?.sessionUri !== undefined && source.openAt !== undefined) return undefined;
      return bytes.window().readAhead(multipartBytes);
    };

    try {
      const small = await readSmall();
      const landed =
        small === undefined
          ? await sendResumable({ client, rules, request, bytes, now, again })
          : await landMultipart({ client, rules, request, bytes }, small);
      const whole = small ?? (await bytes.window().drain());
      checkDigest(request.expectedSha256, whole.sha256);
      const file = landed.ours
        ? await verify(
            { files, now, log },
            { file: landed.file, replaced: landed.replaced, whole, md5: () => bytes.md5(whole.size) },
            request,
          )
        : landed.file;
      return { file, ...whole, existed: landed.existed, replaced: landed.replaced };
    } finally {
      bytes.close();
      lease.close();
    }
  };
