import type { Method } from './call/call.ts';
import { aboutGet } from './methods/about.ts';
import { filesCopy } from './methods/copy.ts';
import {
  drivesCreate,
  drivesDelete,
  drivesGet,
  drivesHide,
  drivesList,
  drivesUnhide,
  drivesUpdate,
} from './methods/drives.ts';
import { filesExport } from './methods/export.ts';
import { filesCreate, filesDelete, filesEmptyTrash, filesGenerateIds, filesGet, filesUpdate } from './methods/files.ts';
import { filesListLabels, filesModifyLabels } from './methods/labels.ts';
import { filesList } from './methods/list.ts';
import {
  permissionsCreate,
  permissionsDelete,
  permissionsGet,
  permissionsList,
  permissionsUpdate,
} from './methods/permissions.ts';
import { revisionsDelete, revisionsGet, revisionsList, revisionsUpdate } from './methods/revisions.ts';

/** The methods of the discovery document that are implemented here. All others answer 501. */
const METHODS: Readonly<Record<string, Method>> = {
  'drive.about.get': aboutGet,
  'drive.drives.create': drivesCreate,
  'drive.drives.delete': drivesDelete,
  'drive.drives.get': drivesGet,
  'drive.drives.hide': drivesHide,
  'drive.drives.list': drivesList,
  'drive.drives.unhide': drivesUnhide,
  'drive.drives.update': drivesUpdate,
  'drive.files.copy': filesCopy,
  'drive.files.create': filesCreate,
  'drive.files.delete': filesDelete,
  'drive.files.emptyTrash': filesEmptyTrash,
  'drive.files.export': filesExport,
  'drive.files.generateIds': filesGenerateIds,
  'drive.files.get': filesGet,
  'drive.files.list': filesList,
  'drive.files.listLabels': filesListLabels,
  'drive.files.modifyLabels': filesModifyLabels,
  'drive.files.update': filesUpdate,
  'drive.permissions.create': permissionsCreate,
  'drive.permissions.delete': permissionsDelete,
  'drive.permissions.get': permissionsGet,
  'drive.permissions.list': permissionsList,
  'drive.permissions.update': permissionsUpdate,
  'drive.revisions.delete': revisionsDelete,
  'drive.revisions.get': revisionsGet,
  'drive.revisions.list': revisionsList,
  'drive.revisions.update': revisionsUpdate,
};

export const methodNamed = (id: string): Method | undefined => (Object.hasOwn(METHODS, id) ? METHODS[id] : undefined);
