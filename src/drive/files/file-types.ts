import type { FileDetails } from '../../domain.ts';

/** The fields of a Drive file that the courier requests. */
export interface DriveFile {
  id: string;
  name: string;
  mimeType: string;
  /** Bytes; undefined for Docs editors files. */
  size: number | undefined;
  md5Checksum: string | undefined;
  sha256Checksum: string | undefined;
  parents: readonly string[];
  trashed: boolean;
  webViewLink: string;
  createdTime: string;
  modifiedTime: string;
  headRevisionId: string | undefined;
  appProperties: Readonly<Record<string, string>>;
}

/** One of the contents that a file has had. */
export interface Revision {
  id: string;
  /** Lower-case hex; undefined for Docs editors files. */
  md5Checksum: string | undefined;
  /** The email of the account that wrote it, if Drive shows it. */
  writer?: string | undefined;
}

/** Metadata of a file to be made. */
export interface NewFile extends FileDetails {
  /** From `newId`; left out only for conversions, where Drive takes none. */
  id?: string;
  name: string;
  /** Media type of the bytes. */
  mimeType: string;
  folderId: string;
  /** Drive's own type to convert to, e.g. `application/vnd.google-apps.spreadsheet`. */
  convertTo?: string;
  appProperties?: Readonly<Record<string, string>>;
  /** The time of the call, for files with a `createdTime`: it decides which of several files of one name is the oldest. */
  addedTime?: string | undefined;
}

/** What is found under a folder's id, as one account sees it. */
export interface FolderDescription {
  /** Drive's own id, also if an alias such as `root` was requested. */
  id: string;
  name: string;
  mimeType: string;
  isFolder: boolean;
  /** Of a shortcut: the id that it leads to, and whether that is a folder. */
  shortcut: { targetId: string; isToFolder: boolean } | undefined;
  driveId: string | undefined;
  ownedByMe: boolean;
  trashed: boolean;
  canAddChildren: boolean;
  canEdit: boolean;
  canShare: boolean;
  /** True for a folder with limited access that the account sees and cannot open (Drive's guide "limited-expansive-access"). */
  isClosed: boolean;
}

/** The folder that an id leads to. */
export interface ResolvedFolder {
  id: string;
  /** Its shared drive; undefined in My Drive. */
  driveId: string | undefined;
}
