import { isAppAllowed, roleOf } from '../access/access.ts';
import { userPermission } from '../access/principals.ts';
import { type DriveCall, type Method, pathParameter } from '../call/call.ts';
import { pageOf } from '../call/pages.ts';
import { DriveError, forbidden, insufficientFilePermissions, notImplemented, required } from '../errors.ts';
import { driveResource, newSharedDrive, RESTRICTIONS, visibleDrive } from '../files/shared-drive.ts';
import type { Role, StoredFile } from '../model.ts';
import { flagTerm, matcherOf, nameContains, sameName, type Terms, textTerm, timeTerm } from '../query/matching.ts';
import { parseQuery } from '../query/parse.ts';
import type { DriveState } from '../store/state.ts';

const requestedDrive = (state: DriveState, call: DriveCall): { drive: StoredFile; role: Role } =>
  visibleDrive(state, call.actor, pathParameter(call, 'driveId'));

const asManager = (state: DriveState, call: DriveCall): StoredFile => {
  const { drive, role } = requestedDrive(state, call);
  if (role !== 'organizer') throw insufficientFilePermissions(drive.id);
  return drive;
};

export const drivesGet: Method = (state, call) => {
  const { drive, role } = requestedDrive(state, call);
  return { resource: driveResource(call.actor, drive, role) };
};

/**
 * Source: guides/ref-search-terms, "Shared drive-specific query terms". The absent terms need a domain administrator.
 */
const driveTerms = (email: string): Terms<StoredFile> => ({
  compare: {
    name: textTerm(({ name }) => name, sameName, nameContains),
    hidden: flagTerm(({ hiddenBy }) => hiddenBy?.includes(email) ?? false),
    createdTime: timeTerm(({ createdMs }) => createdMs),
  },
  in: {},
  has: {},
  absent: ['memberCount', 'organizerCount', 'orgUnitId'],
});

export const drivesList: Method = (state, call) => {
  const { actor, parameters, method } = call;
  const q = parameters.text('q') ?? '';
  const matches = q.trim() === '' ? () => true : matcherOf(parseQuery(q), driveTerms(actor.account.email), method.id);
  const seen: { id: string; drive: StoredFile; role: Role }[] = [];
  for (const drive of state.store.files.all()) {
    if (drive.kind !== 'sharedDrive' || !isAppAllowed(actor, drive) || !matches(drive)) continue;
    const role = roleOf(state, actor.account, drive);
    if (role !== undefined) seen.push({ id: drive.id, drive, role });
  }
  seen.sort((one, other) => (one.drive.name < other.drive.name ? -1 : 1));
  const size = parameters.number('pageSize') ?? 10;
  const { page, nextPageToken } = pageOf(seen, size, parameters.text('pageToken'), [actor.account.email, q]);
  const drives = page.map(({ drive, role }) => driveResource(actor, drive, role));
  return { resource: { kind: 'drive#driveList', nextPageToken, drives } };
};

/** "A repeated request … with the same request ID": 409. */
const checkRequestId = (state: DriveState, requestId: string, by: string): void => {
  for (const drive of state.store.files.all())
    if (drive.requestId === requestId && drive.createdBy === by)
      throw new DriveError(409, 'A shared drive already exists with the provided request ID.', { reason: 'duplicate' });
};

export const drivesCreate: Method = async (state, call) => {
  const { actor, parameters, method } = call;
  const { email, kind } = actor.account;
  if (kind === 'serviceAccount') throw notImplemented(method.id, 'shared drives made by a service account');
  const { name } = await call.body();
  if (typeof name !== 'string' || name === '') throw required('name', 'The name field is required.');
  const requestId = parameters.text('requestId') ?? '';
  checkRequestId(state, requestId, email);
  const drive = newSharedDrive(state, { name, by: email, app: actor.app, requestId });
  drive.permissions = [userPermission(state.now(), email, 'organizer')];
  state.store.save(drive);
  return { resource: driveResource(actor, drive, 'organizer') };
};

const UNSUPPORTED = ['themeId', 'backgroundImageFile', 'createdTime', 'hidden'];

export const drivesUpdate: Method = async (state, call) => {
  const drive = asManager(state, call);
  const { name, colorRgb, restrictions, ...others } = await call.body();
  for (const other of Object.keys(others))
    if (UNSUPPORTED.includes(other)) throw notImplemented(call.method.id, `${other} of a shared drive`);
  const requestedRestrictions = Object.entries((restrictions ?? {}) as Record<string, boolean>);
  for (const [restriction] of requestedRestrictions)
    if (!RESTRICTIONS.some((known) => known === restriction))
      throw notImplemented(call.method.id, `the restriction ${restriction}`);
  const changed: StoredFile = {
    ...drive,
    ...(typeof name === 'string' && name !== '' ? { name } : {}),
    ...(typeof colorRgb === 'string' ? { colorRgb } : {}),
    restrictions: { ...drive.restrictions, ...Object.fromEntries(requestedRestrictions) },
    version: drive.version + 1,
  };
  state.store.save(changed);
  return { resource: driveResource(call.actor, changed, 'organizer') };
};

/** "The shared drive cannot contain any untrashed items." */
export const drivesDelete: Method = (state, call) => {
  const drive = asManager(state, call);
  const items = [...state.store.childrenOf(drive.id)].map((id) => state.store.files.get(id));
  if (items.some((item) => item?.trashed === false))
    throw forbidden('cannotDeleteResourceWithChildren', 'The shared drive cannot be deleted while it has items.');
  state.store.destroy(drive.id);
  return 'empty';
};

const setHidden =
  (hidden: boolean): Method =>
  (state, call) => {
    const { drive, role } = requestedDrive(state, call);
    const { email } = call.actor.account;
    const others = (drive.hiddenBy ?? []).filter((other) => other !== email);
    const changed = { ...drive, hiddenBy: hidden ? [...others, email] : others };
    state.store.save(changed);
    return { resource: driveResource(call.actor, changed, role) };
  };

export const drivesHide = setHidden(true);
export const drivesUnhide = setHidden(false);
