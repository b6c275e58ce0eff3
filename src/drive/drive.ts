import type { Source } from '../domain.ts';
import type { CallStats } from '../google/transport.ts';

/** The fields of a Drive file that the courier asks for. */
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
interface Revision {
  id: string;
  /** Lower-case hex; undefined for Docs editors files. */
  md5Checksum: string | undefined;
}

/** Metadata of a file or folder to be made. */
export interface NewFile {
  /** From `newId`; left out only for conversions, where Drive takes none. */
  id?: string;
  name: string;
  /** Media type of the bytes. */
  mimeType: string;
  folderId: string;
  description?: string;
  /** Drive's own type to convert to, e.g. `application/vnd.google-apps.spreadsheet`. */
  convertTo?: string;
  appProperties?: Readonly<Record<string, string>>;
}

/** What is found under a folder's id, as one account sees it. */
export interface FolderDescription {
  /** Drive's own id, also where an alias such as `root` was asked for. */
  id: string;
  name: string;
  isFolder: boolean;
  /** Of a shortcut: the id that it leads to, and whether that is a folder. */
  shortcut: { targetId: string; isToFolder: boolean } | undefined;
  driveId: string | undefined;
  ownedByMe: boolean;
  trashed: boolean;
  canAddChildren: boolean;
  canShare: boolean;
  /**
   * A folder with limited access that the account sees and cannot open
   * (https://developers.google.com/workspace/drive/api/guides/limited-expansive-access).
   */
  isClosed: boolean;
}

/** The folder that an id leads to. */
export interface ResolvedFolder {
  id: string;
  /** Its shared drive; undefined in My Drive. */
  driveId: string | undefined;
}

/** What every call for one delivery shares. */
export interface CallContext {
  signal?: AbortSignal;
  /** Epoch milliseconds. */
  deadlineMs?: number;
  callStats?: CallStats;
}

/** What the bytes become. `convertTo` of a replacement is the Docs editors type that the file has. */
export type UploadTarget =
  | { kind: 'create'; file: NewFile }
  | {
      kind: 'replace';
      id: string;
      mimeType: string;
      description?: string;
      convertTo?: string;
      /** The file's head revision when it was chosen, where known. */
      formerRevisionId?: string;
    };

export interface UploadRequest extends CallContext {
  target: UploadTarget;
  source: Source;
  /**
   * For `create`: what to do when Drive says that the id exists (409 at the session's start, or to a multipart request);
   * a function decides by the file that is there.
   * `answer` (default): leave it, hash the rest of the source, answer `existed: true`.
   * `replace`: put the same bytes into that file by update (from the buffer still held); when they are gone already (409 to the last chunk) reopen the source, or throw `drive-unavailable`.
   */
  ifExists?: 'answer' | 'replace' | ((file: DriveFile) => 'answer' | 'replace');
  /**
   * For `create`: the id can not be used any more, and the upload fails after that. `unseen`: Drive says that it exists, and
   * shows no file of it; `taken-back`: Drive stored other bytes than were sent, and they were removed.
   */
  idSpent?(id: string, why: 'unseen' | 'taken-back'): Promise<void>;
  /**
   * For `create`: a private property of the file that says the SHA-256 of the bytes sent, where that is known before the file
   * is made (in a multipart request, or with `expectedSha256`): whoever finds the file later can tell what Drive was sent.
   */
  digestProperty?: string;
  /** For `create`: Drive says that the folder is missing; answers another folder's id to try once more with the bytes still held, or undefined to give up. */
  folderGone?(): Promise<string | undefined>;
  /** Lower-case hex; checked before the last byte goes out, so that a wrong file never exists. */
  expectedSha256?: string;
  /**
   * Called when the source has ended well and the hash is known, before every request that can make the bytes the file's
   * (the multipart request, the last chunk), and again before each retry of it: what was true at the first attempt may
   * have changed. A file that it answers ends the upload with that file, and nothing is sent; so does what it throws.
   */
  beforeCommit?(bytes: ReceivedBytes, target: UploadTarget): Promise<{ file: DriveFile } | undefined>;
  /** Also compute the MD5 of the bytes: Drive has no SHA-256 of a file's earlier revisions. */
  withMd5?: boolean;
  /** Bytes; one more is `too-large`. */
  maxBytes: number;
  /** A session of an earlier try to go on from, with sources that can be opened in the middle; and where to keep the new one. */
  resume?: { sessionUri?: string; keep(sessionUri: string, target: UploadTarget): Promise<void> };
}

/** What a source gave, read to its end. */
export interface ReceivedBytes {
  /** Lower-case hex. */
  sha256: string;
  /** Lower-case hex; only when asked for. */
  md5?: string;
  size: number;
}

export interface Uploaded extends ReceivedBytes {
  file: DriveFile;
  /** True when Drive already had a file of this id (409): an earlier try, or another one, made it. `file` is that one; its bytes may differ, unless `replaced`. */
  existed: boolean;
  /** True when the bytes went into a file that was there: target `replace`, or `ifExists: 'replace'`. */
  replaced: boolean;
  /** True when `beforeCommit` answered the file: nothing was written. */
  stopped: boolean;
}

/**
 * Drive as one account sees it. Every method throws CourierError with the contract's Drive codes
 * (`folder-not-found`, `folder-not-writable`, `scope-insufficient`, `no-storage-quota`, `drive-full`, `drive-api-disabled`,
 * `drive-rate-limited`, `drive-unavailable`, …).
 */
export interface Drive {
  /** An id to create with, from a pool that `files.generateIds` fills. */
  newId(context: CallContext): Promise<string>;
  /** Fills that pool, so that the first delivery need not. */
  fetchIdsAhead(): Promise<void>;
  /** The file, or undefined when it is missing or not shared with the account. */
  get(id: string, context: CallContext): Promise<DriveFile | undefined>;
  /** Files (not folders) of exactly this name in the folder, not trashed, oldest first. Not read-after-write consistent. */
  find(folderId: string, name: string, context: CallContext): Promise<DriveFile[]>;
  /** As `find`, for folders. */
  findFolders(parentId: string, name: string, context: CallContext): Promise<DriveFile[]>;
  /** Makes a folder under a pre-generated id; an id that already exists is answered with `existed: true` and no error. */
  createFolder(
    folder: { id: string; name: string; parentId: string },
    context: CallContext,
  ): Promise<{ existed: boolean }>;
  /** Files that carry this private property in the folder, not trashed. */
  findByProperty(folderId: string, key: string, value: string, context: CallContext): Promise<DriveFile[]>;
  /** Puts the bytes: one multipart request up to 5 MiB, a resumable session beyond. Compares checksums; what does not fit is undone and thrown as `digest-mismatch` (caller's) or `drive-unavailable` (Drive's). */
  upload(request: UploadRequest): Promise<Uploaded>;
  /** Opens a resumable session that somebody else will PUT to. The URI is a secret. */
  openSession(file: NewFile, size: number, context: CallContext): Promise<{ sessionUri: string; expiresAtMs: number }>;
  /** Opens a session that replaces an existing file's bytes. */
  openReplaceSession(
    id: string,
    mimeType: string,
    size: number,
    context: CallContext,
  ): Promise<{ sessionUri: string; expiresAtMs: number }>;
  /** How many bytes a session has stored; `done` with the file once it is whole, `gone` when Drive has forgotten it, `refused` when it does not say. */
  sessionStatus(
    sessionUri: string,
    size: number,
    context: CallContext,
  ): Promise<{ state: 'open'; stored: number } | { state: 'done'; fileId: string } | { state: 'gone' | 'refused' }>;
  remove(id: string, context: CallContext): Promise<void>;
  /**
   * Removes a file that is still as it is described (name, folder, head revision, not in the trash): first into the trash,
   * and from there for good only if nobody has changed it in between; otherwise it is taken out of the trash again.
   * @returns false where it had changed, and stays
   */
  removeUnchanged(file: DriveFile, context: CallContext): Promise<boolean>;
  /** Moves a file from the folder that it is in to another one. */
  move(id: string, to: { from: string; to: string }, context: CallContext): Promise<DriveFile>;
  /** A file's revisions, oldest first; undefined where there are more than Drive tells at once. */
  revisions(id: string, context: CallContext): Promise<Revision[] | undefined>;
  /** Removes one revision of a file (`revisions.delete`); if it is the newest, the one before it is the file's content again. */
  removeRevision(id: string, revisionId: string, context: CallContext): Promise<void>;
  share(
    id: string,
    permission: { type: 'user' | 'group' | 'domain' | 'anyone'; role: string; email?: string; domain?: string },
    notify: boolean,
    context: CallContext,
  ): Promise<void>;
  /** Media types that Drive converts, and to what: `about.importFormats`, `maxImportSizes` (bytes). */
  imports(
    context: CallContext,
  ): Promise<{ formats: Readonly<Record<string, readonly string[]>>; maxSizes: Readonly<Record<string, number>> }>;
  /** What is found under a folder's id, as this account sees it. @throws CourierError `folder-not-found` */
  inspectFolder(id: string, context: CallContext): Promise<FolderDescription>;
  /**
   * The folder that a configured id leads to: `root` by its own id, a shortcut by the folder behind it. Remembered for some minutes.
   * @throws CourierError `folder-not-found`, `folder-invalid`, `folder-limited`
   */
  resolveFolder(id: string, context: CallContext): Promise<ResolvedFolder>;
  /** Tries a search in the folder, for the doctor: how Drive knows the account there. */
  probeSearch(folderId: string, context: CallContext): Promise<'member' | 'non-member' | 'my-drive'>;
  /** Whose account this is and what storage it has left, in bytes (undefined: unlimited). */
  aboutAccount(context: CallContext): Promise<{ email: string; storageLimit: number | undefined; storageUsed: number }>;
}
