import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { isTrashed, ownerOf } from './access/access.ts';
import { newPermission, permissionIdFor, rfc3339, userPermission } from './access/principals.ts';
import { addRevision } from './files/content.ts';
import { newItem } from './files/item.ts';
import { newSharedDrive } from './files/shared-drive.ts';
import {
  type Account,
  type DriveLimits,
  FOLDER,
  type Mail,
  type Role,
  SHORTCUT,
  type StoredFile,
  type StoredLabel,
} from './model.ts';
import type { DriveState } from './store/state.ts';

/**
 * A file as tests and benchmarks see it. Times are RFC 3339, hashes are lower-case hex. A file without stored bytes has
 * no size and no hashes.
 */
interface FileSummary {
  id: string;
  name: string;
  mimeType: string;
  parents: string[];
  driveId?: string | undefined;
  owner?: string | undefined;
  size?: number | undefined;
  sha256?: string | undefined;
  md5?: string | undefined;
  revisions: number;
  trashed: boolean;
  createdTime: string;
  modifiedTime: string;
  description?: string | undefined;
}

/** The ID of a folder, or the owner of a My Drive. */
type Place = { parent: string } | { owner: string };

/** Lets tests set up and inspect the Drive without the API. Permissions are not checked. */
export interface DriveControl {
  /**
   * Adds an account with a name. Other accounts are created when they are first mentioned. @param storageLimit bytes
   */
  addAccount(account: { email: string; displayName?: string; storageLimit?: number }): void;
  /** Sets the limit in bytes. Undefined removes it. */
  setStorageLimit(email: string, bytes: number | undefined): void;
  addGroup(group: { email: string; members: readonly string[] }): void;
  /** Publishes a label of the organization. */
  addLabel(label: StoredLabel): void;
  setLimits(limits: Partial<DriveLimits>): void;
  /** @returns its id */
  createSharedDrive(drive: { name: string; members: readonly { email: string; role: Role }[] }): string;
  /** @returns its id */
  createFolder(folder: { name: string } & Place): string;
  /** @returns its id */
  putFile(file: { name: string; bytes: Uint8Array | string; mimeType?: string } & Place): string;
  share(fileId: string, permission: { email: string; role: Role; type?: 'user' | 'group' }): void;
  unshare(fileId: string, email: string): void;
  /** @returns its id */
  createShortcut(shortcut: { name: string; target: string } & Place): string;
  /** Turns a folder's limited access on or off. */
  setLimitedAccess(folderId: string, isLimited: boolean): void;
  setTrashed(fileId: string, trashed: boolean): void;
  /** Deletes the item and everything below it permanently. */
  removeFile(fileId: string): void;
  /**
   * Lists the direct children of a folder, with `deep` everything below it, and without a folder all files. Trashed
   * files are included.
   */
  files(where?: { folder?: string; deep?: boolean }): FileSummary[];
  /** The bytes of the newest revision. */
  bytesOf(fileId: string): Buffer;
  mails(): readonly Mail[];
}

const summaryOf = (state: DriveState, file: StoredFile): FileSummary => {
  const head = file.revisions.at(-1);
  const owner = ownerOf(file);
  return {
    id: file.id,
    name: file.name,
    mimeType: file.mimeType,
    parents: file.parent === undefined ? [] : [file.parent],
    driveId: file.driveId,
    owner,
    size: head?.size,
    sha256: head?.sha256,
    md5: head?.md5,
    revisions: file.revisions.length,
    trashed: isTrashed(state, file),
    createdTime: rfc3339(file.createdMs),
    modifiedTime: rfc3339(file.modifiedMs),
    description: file.description,
  };
};

const APP = 'drive.google.com';

/** @throws Error for an unknown ID */
const existing = (state: DriveState, id: string): StoredFile => {
  const file = state.store.files.get(id);
  if (file === undefined) throw new Error(`No file ${id}`);
  return file;
};

const destinationFolder = (state: DriveState, place: Place): StoredFile =>
  existing(state, 'parent' in place ? place.parent : state.account(place.owner).rootId);

/** The creator of a new file. In My Drive it is the owner of the folder; in a shared drive it does not matter. */
const creatorIn = (state: DriveState, folder: StoredFile): Account =>
  state.account(ownerOf(folder) ?? folder.createdBy);

const below = (state: DriveState, id: string, deep: boolean): StoredFile[] =>
  [...state.store.childrenOf(id)].flatMap((child) => [
    existing(state, child),
    ...(deep ? below(state, child, deep) : []),
  ]);

export function createDriveControl(state: DriveState): DriveControl {
  const { store } = state;

  const place = (name: string, mimeType: string, where: Place): { file: StoredFile; maker: Account } => {
    const folder = destinationFolder(state, where);
    const maker = creatorIn(state, folder);
    const file = newItem(state, { id: state.ids.file(), mimeType, folder, by: maker.email, app: APP });
    return { file: { ...file, name }, maker };
  };

  const receive = (bytes: Buffer, mimeType: string) => {
    const path = join(store.uploadsDir, state.ids.revision());
    writeFileSync(path, bytes);
    const hash = (algorithm: string): string => createHash(algorithm).update(bytes).digest('hex');
    return { path, size: bytes.length, mimeType, md5: hash('md5'), sha1: hash('sha1'), sha256: hash('sha256') };
  };

  const setStorageLimit: DriveControl['setStorageLimit'] = (email, bytes) => {
    const account = state.account(email);
    store.accounts.put(account.email, { ...account, storageLimit: bytes });
  };

  return {
    addAccount({ email, displayName, storageLimit }) {
      const account = state.account(email);
      store.accounts.put(account.email, { ...account, displayName: displayName ?? account.displayName });
      if (storageLimit !== undefined) setStorageLimit(email, storageLimit);
    },
    setStorageLimit,
    addLabel: (label) => state.store.labels.put(label.id, label),
    addGroup({ email, members }) {
      const lower = members.map((member) => member.toLowerCase());
      store.groups.put(email.toLowerCase(), { email: email.toLowerCase(), members: lower });
    },
    setLimits: (limits) => void Object.assign(state.limits, limits),
    createSharedDrive({ name, members }) {
      const [first] = members;
      const drive = newSharedDrive(state, { name, by: first?.email ?? '', app: APP });
      const people = members.map(({ email, role }) => userPermission(state.now(), email.toLowerCase(), role));
      store.save({ ...drive, permissions: people });
      return drive.id;
    },
    createFolder({ name, ...where }) {
      const { file } = place(name, FOLDER, where);
      store.save(file);
      return file.id;
    },
    putFile({ name, bytes, mimeType = 'application/octet-stream', ...where }) {
      const { file, maker } = place(name, mimeType, where);
      const actor = { account: maker, app: APP, scopes: [] };
      addRevision(state, actor, file, receive(Buffer.from(bytes), mimeType), false);
      store.save(file);
      return file.id;
    },
    share(fileId, { email, role, type = 'user' }) {
      const file = existing(state, fileId);
      const permission = newPermission(state.now(), { type, role, emailAddress: email.toLowerCase() });
      const others = file.permissions.filter(({ id }) => id !== permission.id);
      store.save({ ...file, permissions: [...others, permission] });
    },
    unshare(fileId, email) {
      const file = existing(state, fileId);
      const removedId = permissionIdFor({ type: 'user', emailAddress: email.toLowerCase() });
      store.save({ ...file, permissions: file.permissions.filter(({ id }) => id !== removedId) });
    },
    createShortcut({ name, target, ...where }) {
      const { file } = place(name, SHORTCUT, where);
      store.save({ ...file, shortcutTargetId: target });
      return file.id;
    },
    setLimitedAccess(folderId, isLimited) {
      store.save({ ...existing(state, folderId), isLimited });
    },
    setTrashed(fileId, trashed) {
      const { trashedMs: _, trashedBy: __, ...file } = existing(state, fileId);
      const traces = trashed ? { trashedMs: state.now(), trashedBy: file.createdBy } : {};
      store.save({ ...file, ...traces, trashed });
    },
    removeFile: (fileId) => store.destroy(existing(state, fileId).id),
    files({ folder, deep = false } = {}) {
      const items = folder === undefined ? [...store.files.all()] : below(state, existing(state, folder).id, deep);
      return items.filter(({ kind }) => kind === 'item').map((file) => summaryOf(state, file));
    },
    bytesOf(fileId) {
      const head = existing(state, fileId).revisions.at(-1);
      if (head === undefined) throw new Error(`The file ${fileId} has no bytes`);
      return readFileSync(store.contentPath(fileId, head.id));
    },
    mails: () => state.mails,
  };
}
