import { z } from 'zod';
import type { GoogleCall } from '../google-service.ts';
import { type AdminAction, adminActionOf, createAdminRoutes, present } from '../http/admin-routes.ts';
import type { DriveControl } from './control.ts';
import { ROLES } from './model.ts';

const action = adminActionOf<DriveControl>();

const email = z.string();
const name = z.string();
const fileId = z.string();
const role = z.enum(ROLES);
const place = { parent: z.string().optional(), owner: z.string().optional() };

/** @throws Error unless exactly one of the two is given */
const placeOf = ({ parent, owner }: { parent?: string | undefined; owner?: string | undefined }) => {
  if (parent !== undefined && owner === undefined) return { parent };
  if (owner !== undefined && parent === undefined) return { owner };
  throw new Error('Name either parent or owner.');
};

const limits = z.strictObject({
  childrenPerFolder: z.int().optional(),
  itemsPerSharedDrive: z.int().optional(),
  unitsPerMinutePerUser: z.int().optional(),
  unitsPerMinutePerProject: z.int().optional(),
  uploadBytesPerDayPerUser: z.int().optional(),
  singleRequestUploadBytes: z.int().optional(),
  sessionMs: z.int().optional(),
  listLagMs: z.int().optional(),
  leavesDrivesOut: z.boolean().optional(),
});

/** The methods of DriveControl by name, for tests in another process. */
const ACTIONS: Readonly<Record<string, AdminAction<DriveControl>>> = {
  addAccount: action(
    z.strictObject({ email, displayName: name.optional(), storageLimit: z.int().optional() }),
    (drive, input) => drive.addAccount(present(input)),
  ),
  setStorageLimit: action(z.strictObject({ email, bytes: z.int().optional() }), (drive, input) =>
    drive.setStorageLimit(input.email, input.bytes),
  ),
  addGroup: action(z.strictObject({ email, members: z.array(email) }), (drive, input) => drive.addGroup(input)),
  setLimits: action(limits, (drive, input) => drive.setLimits(present(input))),
  createSharedDrive: action(
    z.strictObject({ name, members: z.array(z.strictObject({ email, role })) }),
    (drive, input) => ({ id: drive.createSharedDrive(input) }),
  ),
  createFolder: action(z.strictObject({ name, ...place }), (drive, input) => ({
    id: drive.createFolder({ name: input.name, ...placeOf(input) }),
  })),
  putFile: action(
    z.strictObject({ name, text: z.string(), mimeType: z.string().optional(), ...place }),
    (drive, { text, mimeType, ...input }) => ({
      id: drive.putFile({ name: input.name, bytes: text, ...present({ mimeType }), ...placeOf(input) }),
    }),
  ),
  share: action(
    z.strictObject({ fileId, email, role, type: z.enum(['user', 'group']).optional() }),
    (drive, { fileId: id, ...permission }) => drive.share(id, present(permission)),
  ),
  unshare: action(z.strictObject({ fileId, email }), (drive, input) => drive.unshare(input.fileId, input.email)),
  createShortcut: action(z.strictObject({ name, target: fileId, ...place }), (drive, { target, ...input }) => ({
    id: drive.createShortcut({ name: input.name, target, ...placeOf(input) }),
  })),
  setLimitedAccess: action(z.strictObject({ folderId: fileId, isLimited: z.boolean() }), (drive, input) =>
    drive.setLimitedAccess(input.folderId, input.isLimited),
  ),
  setTrashed: action(z.strictObject({ fileId, trashed: z.boolean() }), (drive, input) =>
    drive.setTrashed(input.fileId, input.trashed),
  ),
  removeFile: action(z.strictObject({ fileId }), (drive, input) => drive.removeFile(input.fileId)),
  files: action(z.strictObject({ folder: z.string().optional(), deep: z.boolean().optional() }), (drive, input) => ({
    files: drive.files(present(input)),
  })),
  mails: action(z.strictObject({}), (drive) => ({ mails: drive.mails() })),
};

/** Routes `POST /_admin/ACTION` with a JSON object, for the actions on Drive. */
export const createDriveAdminRoutes = (drive: DriveControl): ((call: GoogleCall) => Promise<boolean>) =>
  createAdminRoutes(drive, ACTIONS);
