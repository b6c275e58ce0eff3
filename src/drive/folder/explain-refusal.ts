import { CourierError } from '../../errors.ts';
import type { DriveClient } from '../client.ts';
import { describeFolder } from './describe-folder.ts';
import type { CallContext } from '../drive.ts';
import { folderFault } from './resolve-folder.ts';

const UNCLEAR: ReadonlySet<string> = new Set(['folder-not-writable', 'folder-invalid', 'drive-refused']);

/**
 * Drive gives one reason for a folder that may only be read and for one with limited access, and a vague one for others. So
 * after a refusal to create something in a folder, the folder itself is asked what it is.
 * @returns the error that fits best; the original one where the folder explains nothing
 */
const explain = async (
  client: DriveClient,
  { error, folderId, account }: { error: unknown; folderId: string; account: string | undefined },
  context: CallContext,
): Promise<unknown> => {
  if (!(error instanceof CourierError) || !UNCLEAR.has(error.code)) return error;
  const folder = await describeFolder(client, folderId, context).catch(() => undefined);
  if (folder === undefined) return error;
  const fault = folderFault(folderId, folder, account);
  if (fault !== undefined) return fault;
  if (error.code !== 'folder-not-writable' || error.reason !== 'forbidden' || !folder.canAddChildren) return error;
  return new CourierError('drive-refused', {
    detail: 'Drive answered "forbidden", although the account may add files to the folder.',
    reason: error.reason,
    facts: error.facts,
    cause: error.cause,
  });
};

/** Runs what creates something in a folder; a refusal is explained by the folder. */
export const createExplained =
  (client: DriveClient, account: () => string | undefined) =>
  async <Result>(folderId: string, context: CallContext, create: () => Promise<Result>): Promise<Result> => {
    try {
      return await create();
    } catch (error) {
      throw await explain(client, { error, folderId, account: account() }, context);
    }
  };
