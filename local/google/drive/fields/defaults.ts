/**
 * What a method answers when no `fields` were asked for.
 * Source: guides/fields-parameter ("list returns only kind, id, name and mimeType"), guides/create-file; answers of shared drives add their ids.
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

/** Methods of these have no default selection: the parameter must be given (guides/fields-parameter). */
export const needsFields = (methodId: string): boolean =>
  /^drive\.(about|comments|replies)\./.test(methodId) && !methodId.endsWith('.delete');
