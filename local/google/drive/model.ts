/** Drive's roles, weakest first; `owner` exists in My Drive only, `organizer` and `fileOrganizer` in shared drives only. */
export const ROLES = ['reader', 'commenter', 'writer', 'fileOrganizer', 'organizer', 'owner'] as const;
export type Role = (typeof ROLES)[number];

export const FOLDER = 'application/vnd.google-apps.folder';
export const SHORTCUT = 'application/vnd.google-apps.shortcut';
const OWN_TYPE = 'application/vnd.google-apps.';

/** True for Drive's own types that hold no uploaded bytes: Docs, Sheets, folders, shortcuts, … */
export const isOwnType = (mimeType: string): boolean => mimeType.startsWith(OWN_TYPE);

export interface Account {
  email: string;
  kind: 'user' | 'serviceAccount';
  displayName: string;
  /** The ID of all permissions of this person, on every file. */
  permissionId: string;
  /** The ID of the person's My Drive folder. */
  rootId: string;
  /** Bytes. Undefined means unlimited. */
  storageLimit?: number | undefined;
}

export interface StoredPermission {
  id: string;
  type: 'user' | 'group' | 'domain' | 'anyone';
  role: Role;
  emailAddress?: string | undefined;
  domain?: string | undefined;
  allowFileDiscovery?: boolean | undefined;
  expirationTime?: string | undefined;
  createdMs: number;
}

export interface Checksums {
  md5: string;
  sha1: string;
  sha256: string;
}

export interface StoredRevision extends Checksums {
  id: string;
  mimeType: string;
  size: number;
  modifiedMs: number;
  modifiedBy: string;
  keepForever: boolean;
  originalFilename?: string | undefined;
}

export interface StoredFile {
  id: string;
  name: string;
  mimeType: string;
  /** Undefined for a My Drive folder, for a shared drive itself, and for items whose folder was deleted. */
  parent?: string | undefined;
  /** Set on the shared drive itself (equal to `id`) and on everything in it. */
  driveId?: string | undefined;
  kind: 'item' | 'myDrive' | 'sharedDrive';
  description?: string | undefined;
  properties: Record<string, string>;
  /** Per app: `appProperties` are private to the app that wrote them. */
  appProperties: Record<string, Record<string, string>>;
  starredBy: string[];
  trashed: boolean;
  trashedMs?: number;
  trashedBy?: string;
  createdMs: number;
  modifiedMs: number;
  /** When the file was created here. A caller can set `createdTime` to any other time. */
  arrivedMs: number;
  createdBy: string;
  modifiedBy: string;
  modifiedByMeMs: Record<string, number>;
  viewedByMeMs: Record<string, number>;
  /** The app that created the file. With the scope `drive.file`, only this app sees it. */
  app: string;
  permissions: StoredPermission[];
  revisions: StoredRevision[];
  originalFilename?: string | undefined;
  /** Media type of the bytes that a Docs editors file was made from. */
  convertedFrom?: string;
  shortcutTargetId?: string;
  /** Folders only: limited access, `inheritedPermissionsDisabled`. */
  isLimited?: boolean;
  folderColorRgb?: string;
  writersCanShare: boolean;
  copyRequiresWriterPermission: boolean;
  /** While it is set, the content and the name are read-only. */
  contentRestriction?: StoredContentRestriction | undefined;
  /** Set by an owner or organizer; inherited ones are not modelled. */
  downloadRestriction?: { restrictedForReaders: boolean; restrictedForWriters: boolean } | undefined;
  /** By the label's ID, then by the field's ID. */
  labels?: Record<string, Record<string, StoredLabelValue>> | undefined;
  version: number;
  /** Shared drives only. */
  hiddenBy?: string[];
  restrictions?: Record<string, boolean>;
  colorRgb?: string;
  requestId?: string | undefined;
}

interface StoredContentRestriction {
  reason?: string | undefined;
  ownerRestricted: boolean;
  /** Email of the person. */
  by: string;
  atMs: number;
}

export type LabelValueType = 'text' | 'integer' | 'dateString' | 'selection' | 'user';

export interface StoredLabelValue {
  valueType: LabelValueType;
  values: string[];
}

/** A published label of the organization, as an administrator made it (Drive Labels API). */
export interface StoredLabel {
  id: string;
  fields: Record<string, { valueType: LabelValueType; choices?: readonly string[] }>;
  /** Nobody but administrators may apply it. */
  isLocked?: boolean;
}

/** The person and the app that a request acts as. */
export interface Actor {
  account: Account;
  app: string;
  scopes: readonly string[];
}

/** An email that the real Drive would have sent. */
export interface Mail {
  to: string;
  fileId: string;
  role: Role;
  message: string;
  atMs: number;
}

/** Received bytes in a temporary file, with their checksums. */
export interface ReceivedBytes extends Checksums {
  path: string;
  size: number;
  mimeType: string;
}

/** Drive's limits. They are configurable, so that a test does not have to create 500,000 files. */
export interface DriveLimits {
  /** Direct children of one folder. Source: support.google.com/drive/answer/2424368. */
  childrenPerFolder: number;
  /** Items of one shared drive. Source: support.google.com/a/users/answer/7338880. */
  itemsPerSharedDrive: number;
  /**
   * Quota units per minute, for a user and for a project. Source:
   * developers.google.com/workspace/drive/api/guides/limits.
   */
  unitsPerMinutePerUser: number;
  unitsPerMinutePerProject: number;
  /**
   * Bytes that a user can upload in a day. Further uploads are refused until the next day; an upload that began before is
   * completed. Source: developers.google.com/workspace/drive/api/guides/limits ("750 GB per day"). When the day begins is
   * not documented; here it is midnight UTC.
   */
  uploadBytesPerDayPerUser: number;
  /** Bytes of one simple or multipart upload. Source: guides/manage-uploads ("5 MB or less"). */
  singleRequestUploadBytes: number;
  /** Lifetime of a resumable session. Source: guides/manage-uploads ("expires after one week"). */
  sessionMs: number;
  /** How long a new file stays invisible to files.list, which is not read-after-write consistent. */
  listLagMs: number;
  /** Makes searches over several drives skip the shared drives and return `incompleteSearch: true`. */
  leavesDrivesOut: boolean;
}

export const DEFAULT_LIMITS: DriveLimits = {
  childrenPerFolder: 500_000,
  itemsPerSharedDrive: 500_000,
  unitsPerMinutePerUser: 325_000,
  unitsPerMinutePerProject: 1_000_000,
  uploadBytesPerDayPerUser: 750_000_000_000,
  singleRequestUploadBytes: 5 * 1024 * 1024,
  sessionMs: 7 * 24 * 3600 * 1000,
  listLagMs: 0,
  leavesDrivesOut: false,
};
