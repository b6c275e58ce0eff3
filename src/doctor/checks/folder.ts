import { DRIVE_SCOPE } from '../../config/schema/credential.ts';
import { type Destination, folderOf } from '../../delivery/resolve-options.ts';
import type { CallContext, Drive } from '../../drive/drive.ts';
import { asCourierError } from '../../errors.ts';
import { isServiceAccount } from '../../text/google/service-account.ts';
import type { DoctorDependencies } from '../dependencies.ts';
import { type Check, failed, failedWith, passed, skipped, warned } from '../report.ts';
import type { ReadyAccount } from './credentials.ts';

type Inspected = Awaited<ReturnType<Drive['inspectFolder']>>;

const folderUrl = (id: string): string => `https://drive.google.com/drive/folders/${id}`;

const gigabytes = (bytes: number): string => `${(bytes / 1e9).toFixed(1)} GB`;

/** With less than this left, a person's Drive is full soon. */
const LOW_STORAGE_BYTES = 1_000_000_000;

const share = (folder: string, account: string): string =>
  `Share the folder ${folderUrl(folder)} with ${account} as Content manager (in My Drive: as Editor)`;

const notFound = ({ name, config }: Pick<Destination, 'name' | 'config'>, { account, scopes }: ReadyAccount): Check => {
  const isNarrow = scopes !== undefined && !scopes.includes(DRIVE_SCOPE);
  return failed(
    'folder',
    `${folderOf({ config })} does not exist, or is not shared with ${account}: Drive gives the same answer for both.${isNarrow ? " The token's scopes may also be too narrow to see it." : ''}`,
    `${share(folderOf({ config }), account)}, or correct destinations.${name}.folder in the configuration.`,
  );
};

const checkWritable = (folder: string, { canAddChildren }: Inspected, { account }: ReadyAccount): Check =>
  canAddChildren
    ? passed('writable', `${account} can add files.`)
    : failed('writable', `${account} can only read it.`, `${share(folder, account)}; its current role is not enough.`);

/** Whose storage a new file uses: the shared drive's, or its owner's. */
const checkStorage = (
  { driveId }: Inspected,
  { account, storageLimit, storageUsed }: ReadyAccount,
  credentials: string,
): Check => {
  if (driveId !== undefined)
    return passed('storage', `New files use the organization's storage (shared drive ${driveId}).`);
  const left = storageLimit === undefined ? undefined : storageLimit - storageUsed;
  if (isServiceAccount(account)) {
    const remedy = `Move the folder to a shared drive (its members: ${account} as Content manager), or set credentials.${credentials}.subject to a person's address (domain-wide delegation), or use a person's OAuth credentials.`;
    return left !== undefined && left > 0
      ? warned(
          'storage',
          `The folder is in My Drive, and ${account} is an old service account with ${gigabytes(left)} of storage left. New service accounts have none.`,
          remedy,
        )
      : failed(
          'storage',
          `The folder is in My Drive, where a service account such as ${account} has no storage.`,
          remedy,
        );
  }
  if (left === undefined) return passed('storage', `New files use the storage of ${account}, which is unlimited.`);
  const detail = `New files use the storage of ${account}: ${gigabytes(Math.max(0, left))} of ${gigabytes(storageLimit ?? 0)} left.`;
  const remedy = `Free or buy storage for ${account} at https://one.google.com/storage, or move the folder to a shared drive.`;
  if (left <= 0) return failed('storage', detail, remedy);
  return left < LOW_STORAGE_BYTES ? warned('storage', detail, remedy) : passed('storage', detail);
};

const checkSharing = (
  { config }: Pick<Destination, 'config'>,
  { canShare, driveId }: Inspected,
  { account }: ReadyAccount,
): Check => {
  if (!config.writersCanShare && driveId !== undefined) {
    return failed(
      'sharing',
      'writersCanShare is set to false, which Drive supports only in My Drive: deliveries to this shared drive fail.',
      'Remove "writersCanShare" from the destination, and restrict sharing in the settings of the shared drive.',
    );
  }
  if (config.share.length === 0) return skipped('sharing', 'No sharing of single files is configured.');
  // Only a manager can share the root of a shared drive, but a Content manager can share the files in it:
  // https://support.google.com/a/users/answer/12380484
  if (driveId === config.folder)
    return passed('sharing', `${account} can share the files that it creates in this drive.`);
  const remedy =
    'Share the folder itself by hand instead of each file. If the account is only a Contributor of the shared drive, make it a Content manager.';
  // In My Drive the owner of a file can share it, regardless of the folder's settings.
  if (canShare || driveId === undefined) return passed('sharing', `${account} can share the files that it creates.`);
  return warned('sharing', `${account} cannot share this folder, and perhaps not the files in it.`, remedy);
};

/** Why a delivery into a visible folder would fail. */
const checkOpen = (
  { id, folder, name }: { id: string; folder: Inspected; name: string },
  account: string,
): Check | undefined => {
  if (folder.trashed) return failed('folder', `"${folder.name}" is in the trash.`, `Restore it: ${folderUrl(id)}`);
  if (folder.shortcut !== undefined || !folder.isFolder) {
    const what = folder.shortcut === undefined ? 'a file' : 'a shortcut to a file';
    return failed(
      'folder',
      `${id} is ${what}, not a folder.`,
      `Set destinations.${name}.folder to the id at the end of the folder's address, https://drive.google.com/drive/folders/ID`,
    );
  }
  if (!folder.isClosed) return undefined;
  return failed(
    'folder',
    `"${folder.name}" has limited access: ${account} sees it through a parent folder, but cannot open it.`,
    `${share(id, account)}: inherited access is not enough for a folder with limited access`,
  );
};

/** Paths, conflict rules and conversions need searches. */
const checkSearch = async (
  drive: Pick<Drive, 'probeSearch'>,
  folder: Inspected,
  { account }: ReadyAccount,
  context: CallContext,
): Promise<Check> => {
  try {
    const known = await drive.probeSearch(folder.id, context);
    if (known === 'my-drive') return passed('search', 'The folder can be searched.');
    if (known === 'member') return passed('search', `${account} is a member of the shared drive ${folder.driveId}.`);
    return warned(
      'search',
      `${account} is not a member of the shared drive ${folder.driveId}; only the folder is shared with it. Deliveries work, but Drive does not guarantee complete searches.`,
      `Add ${account} to the members of the shared drive as Content manager: https://drive.google.com/drive/folders/${folder.driveId}`,
    );
  } catch (thrown) {
    return failedWith('search', asCourierError(thrown));
  }
};

/** The folder with a configured id. A shortcut is followed once, as in deliveries. */
const findFolder = async (
  drive: Pick<Drive, 'inspectFolder'>,
  id: string,
  context: CallContext,
): Promise<{ id: string; folder: Inspected; label: string }> => {
  const folder = await drive.inspectFolder(id, context);
  if (folder.trashed || folder.shortcut?.isToFolder !== true) return { id, folder, label: `"${folder.name}"` };
  const { targetId } = folder.shortcut;
  const target = await drive.inspectFolder(targetId, context);
  return { id: targetId, folder: target, label: `"${target.name}", through the shortcut "${folder.name}"` };
};

/** Checks what the account can do with the folder. */
export const checkFolder = async (
  { log }: Pick<DoctorDependencies, 'log'>,
  destination: Pick<Destination, 'name' | 'config' | 'drive'> & { credentials: string },
  ready: ReadyAccount,
  context: CallContext,
): Promise<Check[]> => {
  const { name, config, drive } = destination;
  let found: Awaited<ReturnType<typeof findFolder>>;
  try {
    found = await findFolder(drive, folderOf({ config }), context);
  } catch (thrown) {
    const error = asCourierError(thrown);
    log.warn({ error, destination: name }, 'The doctor cannot see the folder');
    if (error.code === 'folder-not-found') return [notFound(destination, ready)];
    return [failedWith('folder', error)];
  }
  const { id, folder, label } = found;
  const fault = checkOpen({ id, folder, name }, ready.account);
  if (fault !== undefined) return [fault];
  return [
    passed('folder', label),
    await checkSearch(drive, folder, ready, context),
    checkWritable(id, folder, ready),
    checkStorage(folder, ready, destination.credentials),
    checkSharing(destination, folder, ready),
  ];
};
