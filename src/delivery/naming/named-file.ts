import type { CallContext, Drive, DriveFile } from '../../drive/drive.ts';
import { CourierError } from '../../errors.ts';
import type { Ledger } from '../../ledger/ledger.ts';
import type { Log } from '../../log.ts';
import type { Sleep } from '../../sleep.ts';
import { findFreeName, lookUpName, resolveName } from './names.ts';

export interface NamedFileOptions {
  drive: Pick<Drive, 'get' | 'newId' | 'find' | 'inspectFolder' | 'now'>;
  ledger: Ledger;
  folderId: string;
  name: string;
  context: CallContext;
  /** Called with each answer of Drive's search. */
  seen?: (() => void) | undefined;
  log: Log;
  /** Epoch milliseconds. */
  now?: () => number;
  sleep?: Sleep | undefined;
}

const nameOf = ({ now = Date.now, ...options }: NamedFileOptions) => {
  const { drive, folderId, name, context, seen } = options;
  const find = async (): Promise<DriveFile[]> => {
    const found = await drive.find(folderId, name, context);
    seen?.();
    return found;
  };
  return { ...options, now, find };
};

/**
 * The one file that a name in a folder stands for (`replace`, `skip`, `fail`), or the id to create it with. The id is the
 * same for all deliveries, in every instance that shares the ledger.
 * @param unusable an id that Drive does not accept: its file was deleted before a delivery noticed that it existed, or with
 * `mayBeHidden` Drive may only not show it yet
 * @returns `nameKey`, the ledger's key, to be marked with `markMade` when the file has been created
 */
export const resolveNamedFile = async ({
  unusable,
  mayBeHidden,
  ...options
}: NamedFileOptions & { unusable?: string; mayBeHidden?: boolean }): Promise<
  { existing: DriveFile } | { claimedId: string; nameKey: string }
> => {
  const resolved = await resolveName({
    ...nameOf(options),
    kind: 'file',
    unusable,
    mayBeHidden,
  });
  return 'file' in resolved ? { existing: resolved.file } : { claimedId: resolved.claimedId, nameKey: resolved.key };
};

/**
 * The Google Docs file of a name. Drive accepts no pre-generated id for a conversion, so the id is known only after the
 * conversion.
 */
export const findConverted = async (options: NamedFileOptions): Promise<DriveFile | undefined> => {
  const known = await lookUpName({ ...nameOf(options), kind: 'converted' });
  return 'file' in known ? known.file : undefined;
};

/**
 * Records a conversion under its name, so that the next one finds it before Drive's search shows it.
 * @returns false if the ledger could not be reached: the next one finds the document only once Drive's search shows it
 */
export const rememberConverted = async (options: NamedFileOptions, fileId: string): Promise<boolean> => {
  const { ledger, log, now = Date.now } = options;
  try {
    const known = await lookUpName({ ...nameOf(options), kind: 'converted', find: async () => [] });
    if ('freeKey' in known) {
      await ledger.claim(known.freeKey, { fileId, fingerprint: '', state: 'done', claimedAtMs: now() });
    }
    return true;
  } catch (error) {
    if (!(error instanceof CourierError)) throw error;
    log.warn({ error, fileId }, 'the ledger could not record a conversion');
    return false;
  }
};

/** A name in a folder that no file has and no delivery has claimed. */
interface FreeName {
  /** Notes that a file has the name now. False if another delivery was faster. @throws CourierError */
  take(fileId: string): Promise<boolean>;
}

/** For a file that exists already, and is about to be moved into a folder. @returns undefined for a name that is taken */
export const freeName = async (
  options: NamedFileOptions,
  kind: 'file' | 'converted',
): Promise<FreeName | undefined> => {
  const { ledger, now = Date.now } = options;
  const key = await findFreeName({ ...nameOf(options), kind });
  if (key === undefined) return undefined;
  return {
    async take(fileId) {
      const { entry } = await ledger.claim(key, { fileId, fingerprint: '', state: 'done', claimedAtMs: now() });
      return entry.fileId === fileId;
    },
  };
};
