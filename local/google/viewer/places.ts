import { effectivePermissions, isTrashed, lineage, strongest } from '../drive/access/access.ts';
import { type Account, FOLDER, type Role, type StoredFile, type StoredPermission } from '../drive/model.ts';
import type { DriveState } from '../drive/store/state.ts';

/** A top folder: a shared drive or a person's My Drive. */
export interface Place {
  folder: StoredFile;
  /** Undefined for shared drives. */
  account?: Account;
  title: string;
}

const byTitle = new Intl.Collator('en', { numeric: true, sensitivity: 'base' });

export function sharedDrives({ store }: DriveState): Place[] {
  const drives = [...store.files.all()].filter(({ kind, trashed }) => kind === 'sharedDrive' && !trashed);
  return drives.map((folder) => ({ folder, title: folder.name })).sort((a, b) => byTitle.compare(a.title, b.title));
}

/** All My Drives. Those of service accounts are left out while they are empty. */
export function myDrives({ store }: DriveState): Place[] {
  const places: Place[] = [];
  for (const account of store.accounts.all()) {
    const folder = store.files.get(account.rootId);
    if (folder === undefined) continue;
    if (account.kind === 'serviceAccount' && store.childrenOf(folder.id).size === 0) continue;
    places.push({ folder, account, title: account.displayName });
  }
  return places.sort((a, b) => byTitle.compare(a.title, b.title));
}

/** The place that contains an item. Undefined when the item's folder was deleted. */
export function placeOf(state: DriveState, file: StoredFile): Place | undefined {
  const top = lineage(state, file).at(-1);
  return [...sharedDrives(state), ...myDrives(state)].find(({ folder }) => folder.id === top?.id);
}

/** The path from the top folder to the item. */
export const pathTo = (state: DriveState, file: StoredFile): StoredFile[] => lineage(state, file).toReversed();

export type Order = 'name' | 'modified' | 'size';
export const ORDERS: readonly Order[] = ['name', 'modified', 'size'];

export const sizeOf = (file: StoredFile): number | undefined => file.revisions.at(-1)?.size;

const COMPARE: Readonly<Record<Order, (a: StoredFile, b: StoredFile) => number>> = {
  name: (a, b) => byTitle.compare(a.name, b.name) || a.createdMs - b.createdMs,
  modified: (a, b) => b.modifiedMs - a.modifiedMs,
  size: (a, b) => (sizeOf(b) ?? -1) - (sizeOf(a) ?? -1),
};

/** The items in a folder that are not in the trash. Folders come first, as in Drive. */
export function childrenOf(state: DriveState, folder: StoredFile, order: Order): StoredFile[] {
  const children = [...state.store.childrenOf(folder.id)]
    .map((id) => state.store.files.get(id))
    .filter((file) => file !== undefined)
    .filter((file) => !file.trashed);
  return children.sort((a, b) => Number(b.mimeType === FOLDER) - Number(a.mimeType === FOLDER) || COMPARE[order](a, b));
}

const items = ({ store }: DriveState): StoredFile[] => [...store.files.all()].filter(({ kind }) => kind === 'item');

/** The newest files, newest first. */
export function recentFiles(state: DriveState, most: number): StoredFile[] {
  const files = items(state).filter((file) => file.mimeType !== FOLDER);
  const recent: StoredFile[] = [];
  // Only check the few newest files for the trash, because each check walks up to the top folder.
  for (const file of files.sort(COMPARE.modified)) {
    if (recent.length === most) break;
    if (!isTrashed(state, file)) recent.push(file);
  }
  return recent;
}

/** The items that were trashed themselves, without the content of trashed folders. */
export const trashedItems = (state: DriveState): StoredFile[] =>
  items(state)
    .filter(({ trashed }) => trashed)
    .sort((a, b) => (b.trashedMs ?? 0) - (a.trashedMs ?? 0));

/** A person, group or domain with access to an item. */
export interface Holder {
  permission: StoredPermission;
  role: Role;
  name: string;
  /** The folder or drive from which the permission is inherited. Undefined when it is set on the item itself. */
  from: StoredFile | undefined;
}

function holderName({ store }: DriveState, { type, emailAddress, domain }: StoredPermission): string {
  if (type === 'anyone') return 'Anyone with the link';
  if (type === 'domain') return `Everyone at ${domain}`;
  return store.accounts.get(emailAddress?.toLowerCase() ?? '')?.displayName ?? emailAddress ?? '';
}

/**
 * The name of a person or group. For those without a name, mainly service accounts, the part of the email before the @.
 */
export function shortName(state: DriveState, email: string): string {
  const name = state.store.accounts.get(email.toLowerCase())?.displayName ?? email;
  return name.replace(/^([^@\s]+)@[^@\s]+$/, '$1');
}

/** Everybody who can see the item, once each with their strongest role. Owners come first. */
export function holdersOf(state: DriveState, file: StoredFile): Holder[] {
  const byId = Map.groupBy(effectivePermissions(state, file), ({ permission }) => permission.id);
  const holders = [...byId.values()].flatMap((reaches): Holder[] => {
    const role = strongest(reaches.map((reach) => reach.role));
    const winner = reaches.find((reach) => reach.role === role);
    if (winner === undefined || role === undefined) return [];
    const { permission, from } = winner;
    return [{ permission, role, name: holderName(state, permission), from: from.id === file.id ? undefined : from }];
  });
  return holders.sort((a, b) => Number(b.role === 'owner') - Number(a.role === 'owner'));
}
