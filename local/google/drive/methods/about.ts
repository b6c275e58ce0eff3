import { userResource } from '../access/principals.ts';
import type { Method } from '../call/call.ts';
import { EXPORT_FORMATS, IMPORT_FORMATS, MAX_IMPORT_SIZES } from '../files/conversions.ts';
import { usageOf } from '../files/storage-quota.ts';
import type { Account } from '../model.ts';
import type { DriveState } from '../store/state.ts';

/** 5 TB: support.google.com/drive/answer/37603. */
const MAX_UPLOAD_BYTES = 5 * 1024 ** 4;

/** A service account has no storage: its limit is 0. A person without a limit has no `limit` field. */
const storageOf = (state: DriveState, account: Account): Record<string, string | undefined> => {
  const { inDrive, inTrash } = usageOf(state, account);
  const limit = account.kind === 'serviceAccount' ? 0 : account.storageLimit;
  return {
    limit: limit === undefined ? undefined : String(limit),
    usage: String(inDrive),
    usageInDrive: String(inDrive),
    usageInDriveTrash: String(inTrash),
  };
};

export const aboutGet: Method = (state, { actor }) => ({
  resource: {
    kind: 'drive#about',
    user: userResource(state, actor.account.email, actor.account),
    storageQuota: storageOf(state, actor.account),
    importFormats: IMPORT_FORMATS,
    exportFormats: EXPORT_FORMATS,
    maxImportSizes: MAX_IMPORT_SIZES,
    maxUploadSize: String(MAX_UPLOAD_BYTES),
    appInstalled: false,
    canCreateDrives: actor.account.kind === 'user',
    canCreateTeamDrives: actor.account.kind === 'user',
    folderColorPalette: ['#ac725e', '#d06b64', '#f83a22', '#fa573c', '#8f8f8f'],
    driveThemes: [],
    teamDriveThemes: [],
  },
});
