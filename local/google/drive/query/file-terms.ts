import { effectivePermissions, hasRole, isTrashed, ownerOf } from '../access/access.ts';
import type { Actor, StoredFile } from '../model.ts';
import type { DriveState } from '../store/state.ts';
import { flagTerm, invalidQuery, nameContains, sameName, type Terms, textTerm, timeTerm } from './matching.ts';

const exactly = (one: string, other: string): boolean => one === other;
const VISIBILITIES = ['anyoneCanFind', 'anyoneWithLink', 'domainCanFind', 'domainWithLink', 'limited'];

const visibilityOf = (state: DriveState, file: StoredFile): string => {
  const open = effectivePermissions(state, file).map(({ permission }) => permission);
  const widest =
    open.find(({ type, allowFileDiscovery }) => type === 'anyone' && allowFileDiscovery === true) ??
    open.find(({ type }) => type === 'anyone') ??
    open.find(({ type, allowFileDiscovery }) => type === 'domain' && allowFileDiscovery === true) ??
    open.find(({ type }) => type === 'domain');
  if (widest === undefined) return 'limited';
  return `${widest.type}${widest.allowFileDiscovery === true ? 'CanFind' : 'WithLink'}`;
};

const isShared = (file: StoredFile, { account }: Actor): boolean =>
  file.permissions.some(({ emailAddress, role }) => emailAddress === account.email && role !== 'owner');

/** The terms of files.list (guides/ref-search-terms, "File-specific query terms"). */
export function fileTerms(state: DriveState, actor: Actor): Terms<StoredFile> {
  const { email, rootId } = actor.account;
  const emailOf = (value: string): string => (value === 'me' ? email : value.toLowerCase());
  const having = (least: 'reader' | 'writer') => (value: string) => {
    const wanted = emailOf(value);
    return (file: StoredFile): boolean =>
      effectivePermissions(state, file).some(
        ({ permission, role }) => permission.emailAddress === wanted && hasRole(role, least),
      );
  };
  const visibility = textTerm<StoredFile>((file) => visibilityOf(state, file), exactly);
  return {
    compare: {
      name: textTerm((file) => file.name, sameName, nameContains),
      mimeType: textTerm(
        (file) => file.mimeType,
        exactly,
        (type, part) => type.includes(part),
      ),
      modifiedTime: timeTerm((file) => file.modifiedMs),
      createdTime: timeTerm((file) => file.createdMs),
      viewedByMeTime: timeTerm((file) => file.viewedByMeMs[email]),
      trashed: flagTerm((file) => isTrashed(state, file)),
      starred: flagTerm((file) => file.starredBy.includes(email)),
      sharedWithMe: flagTerm((file) => isShared(file, actor)),
      visibility: (operator, value) => {
        if (typeof value !== 'string' || !VISIBILITIES.includes(value)) throw invalidQuery();
        return visibility(operator, value);
      },
      'shortcutDetails.targetId': textTerm((file) => file.shortcutTargetId, exactly),
    },
    in: {
      parents: (value) => {
        const id = value === 'root' ? rootId : value;
        return (file) => file.parent === id;
      },
      owners: (value) => {
        const wanted = emailOf(value);
        return (file) => ownerOf(file) === wanted;
      },
      writers: having('writer'),
      readers: having('reader'),
    },
    has: {
      properties: (key, value) => (file) => file.properties[key] === value,
      appProperties: (key, value) => (file) => file.appProperties[actor.app]?.[key] === value,
    },
    absent: ['fullText', 'labels'],
  };
}
