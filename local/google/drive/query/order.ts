import { invalidValue } from '../errors.ts';
import { quotaBytes } from '../files/resource.ts';
import { type Actor, FOLDER, type StoredFile } from '../model.ts';

type Key = (actor: Actor) => (file: StoredFile) => number | string;

const natural = new Intl.Collator('en', { numeric: true, sensitivity: 'base' });
const plain = new Intl.Collator('en', { sensitivity: 'base' });

const sharedMs =
  ({ account }: Actor) =>
  (file: StoredFile): number =>
    file.permissions.find(({ emailAddress }) => emailAddress === account.email)?.createdMs ?? 0;

/** The sort keys of `orderBy` in files.list, all ascending. `folder` puts folders first. */
const KEYS: Readonly<Record<string, Key>> = {
  createdTime: () => (file) => file.createdMs,
  modifiedTime: () => (file) => file.modifiedMs,
  modifiedByMeTime:
    ({ account }) =>
    (file) =>
      file.modifiedByMeMs[account.email] ?? 0,
  viewedByMeTime:
    ({ account }) =>
    (file) =>
      file.viewedByMeMs[account.email] ?? 0,
  sharedWithMeTime: sharedMs,
  recency:
    ({ account }) =>
    (file) =>
      Math.max(file.modifiedMs, file.viewedByMeMs[account.email] ?? 0),
  folder: () => (file) => (file.mimeType === FOLDER ? 0 : 1),
  quotaBytesUsed: () => quotaBytes,
  starred:
    ({ account }) =>
    (file) =>
      file.starredBy.includes(account.email) ? 0 : 1,
  name: () => (file) => file.name,
  name_natural: () => (file) => file.name,
};

export type Order = (one: StoredFile, other: StoredFile) => number;

const byKey = (name: string, actor: Actor, descending: boolean): Order => {
  const key = (Object.hasOwn(KEYS, name) ? KEYS[name] : undefined)?.(actor);
  if (key === undefined) throw invalidValue('orderBy');
  const { compare } = name === 'name_natural' ? natural : plain;
  return (one, other) => {
    const [a, b] = [key(one), key(other)];
    const difference = typeof a === 'string' || typeof b === 'string' ? compare(String(a), String(b)) : a - b;
    return descending ? -difference : difference;
  };
};

/**
 * Parses `orderBy`, for example `folder,modifiedTime desc,name`. The default is newest first, as observed on the real
 * Drive. Equal items are ordered by ID.
 * @throws DriveError 400 `invalid`
 */
export function orderOf(text: string | undefined, actor: Actor): Order {
  const orders = (text ?? 'modifiedTime desc').split(',').map((part) => {
    const [name = '', direction, ...rest] = part.trim().split(/\s+/);
    // Drive accepts the undocumented `asc`: pubkey/google-drive-mock, test/advanced_ordering.test.ts, which passes on
    // the real Drive.
    if (rest.length > 0 || !['asc', 'desc'].includes(direction ?? 'asc')) throw invalidValue('orderBy');
    return byKey(name, actor, direction === 'desc');
  });
  return (one, other) => {
    for (const order of orders) {
      const difference = order(one, other);
      if (difference !== 0) return difference;
    }
    return one.id < other.id ? -1 : one.id > other.id ? 1 : 0;
  };
}
