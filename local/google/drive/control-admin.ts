import { z } from 'zod';
import type { GoogleCall } from '../google-service.ts';
import { type AdminAction, adminActionOf, createAdminRoutes, present } from '../http/admin-routes.ts';
import type { DriveControl } from './control.ts';
import { ROLES } from './model.ts';

const verb = adminActionOf<DriveControl>();

const email = z.string();
const name = z.string();
const fileId = z.string();
const role = z.enum(ROLES);
const place = { parent: z.string().optional(), owner: z.string().optional() };

/** Exactly one of the two. @throws Error */
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
  singleRequestUploadBytes: z.int().optional(),
  sessionMs: z.int().optional(),
  listLagMs: z.int().optional(),
  leavesDrivesOut: z.boolean().optional(),
});

/** The stage's doings by name, for those who are in another process. */
const ACTIONS: Readonly<Record<string, AdminAction<DriveControl>>> = {
  addAccount: verb(
    z.strictObject({ email, displayName: name.optional(), storageLimit: z.int().optional() }),
    (stage, input) => stage.addAccount(present(input)),
  ),
  setStorageLimit: verb(z.strictObject({ email, bytes: z.int().optional() }), (stage, input) =>
    stage.setStorageLimit(input.email, input.bytes),
  ),
  addGroup: verb(z.strictObject({ email, members: z.array(email) }), (stage, input) => stage.addGroup(input)),
  setLimits: verb(limits, (stage, input) => stage.setLimits(present(input))),
  createSharedDrive: verb(
    z.strictObject({ name, members: z.array(z.strictObject({ email, role })) }),
    (stage, input) => ({ id: stage.createSharedDrive(input) }),
  ),
  createFolder: verb(z.strictObject({ name, ...place }), (stage, input) => ({
    id: stage.createFolder({ name: input.name, ...placeOf(input) }),
  })),
  putFile: verb(
    z.strictObject({ name, text: z.string(), mimeType: z.string().optional(), ...place }),
    (stage, { text, mimeType, ...input }) => ({
      id: stage.putFile({ name: input.name, bytes: text, ...present({ mimeType }), ...placeOf(input) }),
    }),
  ),
  share: verb(
    z.strictObject({ fileId, email, role, type: z.enum(['user', 'group']).optional() }),
    (stage, { fileId: id, ...permission }) => stage.share(id, present(permission)),
  ),
  unshare: verb(z.strictObject({ fileId, email }), (stage, input) => stage.unshare(input.fileId, input.email)),
  createShortcut: verb(z.strictObject({ name, target: fileId, ...place }), (stage, { target, ...input }) => ({
    id: stage.createShortcut({ name: input.name, target, ...placeOf(input) }),
  })),
  setLimitedAccess: verb(z.strictObject({ folderId: fileId, isLimited: z.boolean() }), (stage, input) =>
    stage.setLimitedAccess(input.folderId, input.isLimited),
  ),
  setTrashed: verb(z.strictObject({ fileId, trashed: z.boolean() }), (stage, input) =>
    stage.setTrashed(input.fileId, input.trashed),
  ),
  removeFile: verb(z.strictObject({ fileId }), (stage, input) => stage.removeFile(input.fileId)),
  files: verb(z.strictObject({ folder: z.string().optional(), deep: z.boolean().optional() }), (stage, input) => ({
    files: stage.files(present(input)),
  })),
  mails: verb(z.strictObject({}), (stage) => ({ mails: stage.mails() })),
};

/** `POST /_admin/VERB` with a JSON object, for what concerns Drive. */
export const createDriveAdminRoutes = (stage: DriveControl): ((call: GoogleCall) => Promise<boolean>) =>
  createAdminRoutes(stage, ACTIONS);
