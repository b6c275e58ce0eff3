/**
 * The fields that a method returns when `fields` is not given. Source: guides/fields-parameter ("list returns only
 * kind, id, name and mimeType"), guides/create-file. Items of shared drives also have the ID of their drive.
 */
const FILE = 'kind,id,name,mimeType,resourceKey,driveId,teamDriveId';
const PERMISSION = 'kind,id,type,role';
const REVISION = 'kind,id,mimeType,modifiedTime';

const DEFAULTS: Readonly<Record<string, string>> = {
  File: FILE,
  FileList: `kind,incompleteSearch,nextPageToken,files(${FILE})`,
  Permission: PERMISSION,
  PermissionList: `kind,nextPageToken,permissions(${PERMISSION})`,
  Drive: 'kind,id,name',
  DriveList: 'kind,nextPageToken,drives(kind,id,name)',
  Revision: REVISION,
  RevisionList: `kind,nextPageToken,revisions(${REVISION})`,
};

export const defaultFields = (schemaName: string): string => DEFAULTS[schemaName] ?? '*';

/** True for methods without a default selection, which require `fields` (guides/fields-parameter). */
export const needsFields = (methodId: string): boolean =>
  /^drive\.(about|comments|replies)\./.test(methodId) && !methodId.endsWith('.delete');
