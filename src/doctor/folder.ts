import { DRIVE_SCOPE } from '../config/credential.ts';
import type { CallContext, Drive } from '../drive/drive.ts';
import { asCourierError } from '../errors.ts';
import type { Destination } from '../delivery/resolve-options.ts';
import type { DoctorDependencies } from './dependencies.ts';
import { isServiceAccount } from './remedies.ts';
import { type Check, failed, passed, skipped, warned } from './report.ts';
import type { Ready } from './right.ts';

type Inspected = Awaited<ReturnType<Drive['inspectFolder']>>;

const folderUrl = (id: string): string => `https://drive.google.com/drive/folders/${id}`;

const gigabytes = (bytes: number): string => `${(bytes / 1e9).toFixed(1)} GB`;

/** Left with less, a person's Drive is full before long. */
const LITTLE_BYTES = 1_000_000_000;

const share = (folder: string, account: string): string =>
  `Share the folder ${folderUrl(folder)} with ${account} as Content manager (in My Drive: as Editor)`;

const notFound = ({ name, config }: Pick<Destination, 'name' | 'config'>, { account, scopes }: Ready): Check => {
  const isNarrow = scopes !== undefined && !scopes.includes(DRIVE_SCOPE);
  return failed(
    'folder',
    `${config.folder} is missing, or not shared with ${account}: Drive answers the same for both.${isNarrow ? ' The token’s scope may be too narrow to see it, too.' : ''}`,
    `${share(config.folder, account)}, or correct destinations.${name}.folder in the configuration.`,
  );
};

const checkWritable = (folder: string, { canAddChildren }: Inspected, { account }: Ready): Check =>
  canAddChildren
    ? passed('writable', `${account} may add files.`)
    : failed(
        'writable',
        `${account} may only read it.`,
        `${share(folder, account)}; at present the role is a lesser one.`,
      );

/** Whose storage a new file takes: the shared drive's, or its maker's. */
const checkStorage = (
  { driveId }: Inspected,
  { account, storageLimit, storageUsed }: Ready,
  credentials: string,
): Check => {
  if (driveId !== undefined) return passed('storage', `The organization's, by way of the shared drive ${driveId}.`);
  const left = storageLimit === undefined ? undefined : storageLimit - storageUsed;
  if (isServiceAccount(account)) {
    const remedy = `Move the folder to a shared drive (its members: ${account} as Content manager), or set credentials.${credentials}.subject to a person's address (domain-wide delegation), or use a person's OAuth credentials.`;
    return left !== undefined && left > 0
      ? warned(
          'storage',
          `The folder is in My Drive; ${account} is a service account, old enough to have ${gigabytes(left)} of its own left. New ones have none.`,
          remedy,
        )
      : failed('storage', `The folder is in My Drive, where ${account}, a service account, owns no storage.`, remedy);
  }
  if (left === undefined) return passed('storage', `${account}'s, unlimited.`);
  const detail = `${account}'s own: ${gigabytes(Math.max(0, left))} of ${gigabytes(storageLimit ?? 0)} left.`;
  const remedy = `Free or buy storage for ${account} at https://one.google.com/storage, or move the folder to a shared drive.`;
  if (left <= 0) return failed('storage', detail, remedy);
  return left < LITTLE_BYTES ? warned('storage', detail, remedy) : passed('storage', detail);
};

const checkSharing = (
  { config }: Pick<Destination, 'config'>,
  { canShare, driveId }: Inspected,
  { account }: Ready,
): Check => {
  if (config.share.length === 0) return skipped('sharing', 'Nothing is shared file by file.');
  // Only a manager may share the top of a shared drive; the files in it a Content manager may share all the same:
  // https://support.google.com/a/users/answer/12380484
  if (driveId === config.folder)
    return passed('sharing', `${account} may share the files that it makes in this drive.`);
  const remedy =
    'Share the folder itself once, by hand, instead of each file. If the account is only a Contributor of the shared drive, make it a Content manager.';
  // In My Drive a file is its maker's to share, whatever the folder's rules are.
  if (canShare || driveId === undefined) return passed('sharing', `${account} may share what it makes.`);
  return warned('sharing', `${account} may not share this folder, and perhaps not the files in it.`, remedy);
};

/** What stands between a folder that can be seen and a delivery into it. */
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
    `"${folder.name}" has limited access: ${account} sees it through a folder above it, and cannot open it.`,
    `${share(id, account)}: access that is inherited from above does not open it`,
  );
};

/** Without a search no path, no conflict rule and no conversion works. */
const checkSearch = async (
  drive: Pick<Drive, 'probeSearch'>,
  folder: Inspected,
  { account }: Ready,
  context: CallContext,
): Promise<Check> => {
  try {
    const known = await drive.probeSearch(folder.id, context);
    if (known === 'my-drive') return passed('search', 'Drive searches the folder.');
    if (known === 'member') return passed('search', `${account} is a member of the shared drive ${folder.driveId}.`);
    return warned(
      'search',
      `${account} is no member of the shared drive ${folder.driveId}: only the folder is shared with it. Deliveries work, but Drive does not promise complete searches then.`,
      `Add ${account} to the members of the shared drive as Content manager: https://drive.google.com/drive/folders/${folder.driveId}`,
    );
  } catch (thrown) {
    const error = asCourierError(thrown);
    return failed('search', error.detail ?? `${error.title}.`, error.remedy);
  }
};

/** The folder behind a configured id: a shortcut is followed once, as deliveries follow it. */
const findFolder = async (
  drive: Pick<Drive, 'inspectFolder'>,
  id: string,
  context: CallContext,
): Promise<{ id: string; folder: Inspected; told: string }> => {
  const folder = await drive.inspectFolder(id, context);
  if (folder.trashed || folder.shortcut?.isToFolder !== true) return { id, folder, told: `"${folder.name}"` };
  const { targetId } = folder.shortcut;
  const target = await drive.inspectFolder(targetId, context);
  return { id: targetId, folder: target, told: `"${target.name}", by the shortcut "${folder.name}"` };
};

/** What the folder is to the account. */
export const checkFolder = async (
  { log }: Pick<DoctorDependencies, 'log'>,
  destination: Pick<Destination, 'name' | 'config' | 'drive'>,
  ready: Ready,
  context: CallContext,
): Promise<Check[]> => {
  const { name, config, drive } = destination;
  let found: Awaited<ReturnType<typeof findFolder>>;
  try {
    found = await findFolder(drive, config.folder, context);
  } catch (thrown) {
    const error = asCourierError(thrown);
    log.warn({ error, destination: name }, 'the doctor cannot see the folder');
    if (error.code === 'folder-not-found') return [notFound(destination, ready)];
    return [failed('folder', error.detail ?? `${error.title}.`, error.remedy)];
  }
  const { id, folder, told } = found;
  const fault = checkOpen({ id, folder, name }, ready.account);
  if (fault !== undefined) return [fault];
  return [
    passed('folder', told),
    await checkSearch(drive, folder, ready, context),
    checkWritable(id, folder, ready),
    checkStorage(folder, ready, config.credentials),
    checkSharing(destination, folder, ready),
  ];
};
