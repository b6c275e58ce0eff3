import type { FileDetails, Source } from '../domain.ts';
import type { CourierError } from '../errors.ts';
import type { CallStats } from '../google/transport.ts';
import type { OnAnswer } from '../unanswered-requests.ts';
import type { DriveFile, FolderDescription, NewFile, ResolvedFolder, Revision } from './files/file-types.ts';

export type { DriveFile, FolderDescription, NewFile, ResolvedFolder } from './files/file-types.ts';

/** What every call for one delivery shares. */
export interface CallContext {
  signal?: AbortSignal | undefined;
  /** Epoch milliseconds. */
  deadlineMs?: number | undefined;
  callStats?: CallStats | undefined;
  /** True if another account can be used, so Drive's first answer about the daily upload limit is final. */
  believesLimit?: boolean | undefined;
  /** Awaited after all other waits, before each request is sent. It may throw or abort the signal: then nothing is sent. */
  beforeSend?: (() => void | Promise<void>) | undefined;
  /** Called for each request that changes something, when it is sent. What it returns is called when that request ends. */
  onSend?: (() => OnAnswer | undefined) | undefined;
}

/** What the bytes become: a new file, or the content of an existing one. `convertTo` of a replacement is the Docs editors type that the file has. */
export type UploadTarget =
  | { kind: 'create'; file: NewFile }
  | (Omit<FileDetails, 'createdTime'> & {
      kind: 'replace';
      id: string;
      mimeType: string;
      convertTo?: string | undefined;
      /** Added to those that the file has. */
      appProperties?: Readonly<Record<string, string>>;
      /** The file's head revision when it was chosen, where known. */
      formerRevisionId?: string | undefined;
    });

/** The bytes of an upload, and what must happen before they become the content of a file. */
export interface UploadRequest extends CallContext {
  source: Source;
  /** Bytes; one more is `too-large`. */
  maxBytes: number;
  /** Lower-case hex. It is checked before the last byte is sent, so that a wrong file never exists. */
  expectedSha256?: string | undefined;
  /** Also compute the MD5 of the bytes: Drive has no SHA-256 of a file's earlier revisions. */
  withMd5?: boolean;
  /**
   * For new files: the private property that gets the SHA-256 of the bytes, if it is known before the file is created (in a
   * multipart request, or with `expectedSha256`). A later try can read there which bytes Drive was sent.
   */
  digestProperty?: string;
  /**
   * Called when the source has ended without an error and the hash is known: before each request that can turn the bytes
   * into a file (the multipart request, the last chunk), and before each retry of it, because the answer may have changed.
   * If it returns a file, nothing is sent and the result is `superseded`. An error that it throws ends the upload.
   * @param sessionUri the session whose last chunk is to be sent
   */
  beforeCommit?(
    bytes: ReceivedBytes,
    target: UploadTarget,
    sessionUri?: string,
  ): Promise<{ file: DriveFile } | undefined>;
  /**
   * Called when a request that `beforeCommit` has allowed is sent. What it returns is called when the request ends, and again if
   * Drive shows later that it has taken effect.
   */
  onCommit?(target: UploadTarget): OnAnswer;
  /**
   * Called before wrong bytes are removed from a file.
   * @returns the context for the requests that remove them
   * @throws CourierError if the bytes must stay
   */
  beforeUndo?: ((fileId: string) => Promise<Pick<CallContext, 'signal' | 'beforeSend' | 'onSend'>>) | undefined;
  /** The file's head revision when `beforeCommit` last looked at it; undefined if it did not look. */
  seenRevision?(): string | undefined;
  /** Stores the URI of a new session, so that a later try can resume it. Without it, a session that fails is cancelled. */
  keepSession?(sessionUri: string, target: UploadTarget): Promise<void>;
}

/** The bytes of a source that was read to its end. */
export interface ReceivedBytes {
  /** Lower-case hex. */
  sha256: string;
  /** Lower-case hex; only if requested. */
  md5?: string | undefined;
  size: number;
}

export type UploadResult =
  /** The file holds the bytes; Drive's checksum was compared. */
  | { kind: 'stored'; file: DriveFile; received: ReceivedBytes }
  /** Drive already has a file of the target's id (409), which another upload created. Nothing was written to it. */
  | { kind: 'exists'; file: DriveFile }
  /** No new file can have the id. `not-shown`: Drive reports a file with it, but hides it. `removed`: it had wrong bytes. */
  | { kind: 'id-unusable'; why: 'not-shown' | 'removed'; error: CourierError }
  /** Drive does not find the folder of a new file. The bytes can be sent to another folder. */
  | { kind: 'folder-missing'; error: CourierError }
  /** `beforeCommit` returned this file, and nothing was written. */
  | { kind: 'superseded'; file: DriveFile; received: ReceivedBytes };

/** One source's bytes on their way to Drive. They stay available, so that they can be sent to another target. */
export interface Upload {
  /**
   * Sends the bytes: in one multipart request up to 5 MiB, otherwise in a resumable session.
   * @param sessionUri a session of an earlier try for the same target; resumed if the source can be read again
   * @throws CourierError `digest-mismatch` for the caller's bytes, `drive-unavailable` where Drive stored other bytes
   */
  send(target: UploadTarget, sessionUri?: string): Promise<UploadResult>;
  /** Reads the source to its end, and checks it against `expectedSha256`. */
  received(): Promise<ReceivedBytes>;
  /** Frees the buffers and the source. */
  close(): void;
  /** The bytes and their buffers, which another account's `startUpload` may take over. */
  readonly held?: object;
}

/** Restrictions of a file. Those that are undefined stay as they are. */
export interface Restrictions {
  /** A content restriction: nobody can change the content or the name until it is removed. */
  readOnly?: true;
  noDownload?: { readers: boolean; writers: boolean };
  copyRequiresWriterPermission?: true;
  writersCanShare?: false;
}

/** A change of one field of a label: `files.modifyLabels`. */
export interface LabelChange {
  labelId: string;
  fields: readonly { fieldId: string; type: 'text' | 'integer' | 'date' | 'selection' | 'user'; value: string }[];
}

/** Calls that few deliveries need, such as those to destinations with a policy. Their code is loaded on first use. */
export interface DrivePolicy {
  /** Whether a file has a content restriction, and whether the courier has set it. Undefined for an unknown file. */
  lockOf(id: string, context: CallContext): Promise<{ isLocked: boolean; isOwn: boolean } | undefined>;
  /** Removes the content restriction. */
  unlock(id: string, context: CallContext): Promise<void>;
  /**
   * Puts restrictions on a file, and marks a content restriction as the courier's own.
   * @throws CourierError `policy-forbidden` if Drive's answer does not show all of them
   */
  restrict(
    file: Pick<DriveFile, 'id' | 'modifiedTime'>,
    restrictions: Restrictions,
    context: CallContext,
  ): Promise<void>;
  /** Sets the description, the times and the properties of a file. */
  setDetails(
    id: string,
    details: Omit<FileDetails, 'createdTime'> & { appProperties?: Readonly<Record<string, string>> },
    context: CallContext,
  ): Promise<void>;
  setLabels(id: string, labels: readonly LabelChange[], context: CallContext): Promise<void>;
}

/**
 * Drive as one account sees it. Every method throws CourierError with the contract's Drive codes
 * (`folder-not-found`, `folder-not-writable`, `scope-insufficient`, `no-storage-quota`, `drive-full`, `drive-api-disabled`,
 * `drive-rate-limited`, `drive-unavailable`, …).
 */
export interface Drive {
  /** The time by Drive's clock, in epoch milliseconds, as exact as its answers show it; see `DriveClock`. */
  now(): number;
  /** An id to create with, from a pool that `files.generateIds` fills. */
  newId(context: CallContext): Promise<string>;
  /** Fills that pool, so that the first delivery does not have to wait for it. */
  fetchIdsAhead(): Promise<void>;
  /** The file, or undefined when it is missing or not shared with the account. */
  get(id: string, context: CallContext): Promise<DriveFile | undefined>;
  /** Like `get`. Concurrent reads of one file share a request that begins after all of them, so none gets an old state. */
  getShared(id: string, context: CallContext): Promise<DriveFile | undefined>;
  /** Files (not folders) of exactly this name in the folder, not trashed, oldest first. Not read-after-write consistent. */
  find(folderId: string, name: string, context: CallContext): Promise<DriveFile[]>;
  /** As `find`, for folders. */
  findFolders(parentId: string, name: string, context: CallContext): Promise<DriveFile[]>;
  /** Makes a folder under a pre-generated id; an id that already exists is answered with `existed: true` and no error. */
  createFolder(
    folder: { id: string; name: string; parentId: string },
    context: CallContext,
  ): Promise<{ existed: boolean }>;
  /** Makes an empty Google Docs file. Drive accepts no id for it, so the call is sent only once, even if its answer is lost. */
  createDocument(file: Omit<NewFile, 'id' | 'convertTo'>, context: CallContext): Promise<DriveFile>;
  /** Files with this private property in any folder of a folder's drive, not trashed, oldest first. May miss the newest. */
  findMarked(folderId: string, key: string, value: string, context: CallContext): Promise<DriveFile[]>;
  /** Puts a file into the trash. */
  trash(id: string, context: CallContext): Promise<void>;
  /**
   * Starts to read a source into buffers.
   * @param from an ended upload of another account: its bytes are sent without being read again
   * @throws CourierError `busy` if no buffer becomes free in time
   */
  startUpload(request: UploadRequest, from?: Upload): Promise<Upload>;
  /** An upload to one target: started, sent and closed. */
  upload(target: UploadTarget, request: UploadRequest, sessionUri?: string): Promise<UploadResult>;
  /** Opens a resumable session to which the caller sends the bytes. The URI is a secret. */
  openSession(file: NewFile, size: number, context: CallContext): Promise<{ sessionUri: string; expiresAtMs: number }>;
  /** Opens a session that replaces an existing file's bytes. */
  openReplaceSession(
    file: Omit<Extract<UploadTarget, { kind: 'replace' }>, 'kind'>,
    size: number,
    context: CallContext,
  ): Promise<{ sessionUri: string; expiresAtMs: number }>;
  /** What a session has stored, in bytes; `done` if the file is whole, `gone` if Drive has no such session, `refused` if unknown. */
  sessionStatus(
    sessionUri: string,
    size: number,
    context: CallContext,
  ): Promise<{ state: 'open'; stored: number } | { state: 'done'; fileId: string } | { state: 'gone' | 'refused' }>;
  /**
   * Ends the session of another try, so that it cannot create a file any more.
   * @returns the file that it has created, as Drive showed it then
   * @throws CourierError `drive-unavailable` if that is unknown
   */
  endSession(sessionUri: string, context: CallContext): Promise<DriveFile | undefined>;
  remove(id: string, context: CallContext): Promise<void>;
  /**
   * Removes a file that is still as described (name, folder, head revision, not in the trash). It is put into the trash
   * first, and deleted only if nobody has changed it in between; otherwise it is taken out again, which is logged.
   * @returns false if it was changed, and stays
   */
  removeUnchanged(file: DriveFile, context: CallContext): Promise<boolean>;
  /** Moves a file from the folder that it is in to another one. */
  move(id: string, to: { from: string; to: string }, context: CallContext): Promise<DriveFile>;
  /** A file's revisions, oldest first; undefined if there are more than Drive returns at once. */
  revisions(id: string, context: CallContext): Promise<Revision[] | undefined>;
  /**
   * Removes one revision of a file (`revisions.delete`); if it is the newest, the one before it is the file's content again.
   * Then reads the file again, and logs what it shows, because Google does not document which content the file has then.
   * @returns false if the file still shows that revision
   */
  removeRevision(id: string, revisionId: string, context: CallContext): Promise<boolean>;
  share(
    id: string,
    permission: {
      type: 'user' | 'group' | 'domain' | 'anyone';
      role: string;
      email?: string | undefined;
      domain?: string | undefined;
      expirationTime?: string | undefined;
      /** Text for the email. */
      message?: string | undefined;
    },
    notify: boolean,
    context: CallContext,
  ): Promise<void>;
  policy(): Promise<DrivePolicy>;
  /** Media types that Drive converts, and to what: `about.importFormats`, `maxImportSizes` (bytes). */
  imports(
    context: CallContext,
  ): Promise<{ formats: Readonly<Record<string, readonly string[]>>; maxSizes: Readonly<Record<string, number>> }>;
  /** What is found under a folder's id, as this account sees it. @throws CourierError `folder-not-found` */
  inspectFolder(id: string, context: CallContext): Promise<FolderDescription>;
  /**
   * Resolves a configured id to a folder: `root` to its own id, a shortcut to its target. Cached for some minutes.
   * @throws CourierError `folder-not-found`, `folder-invalid`, `folder-limited`
   */
  resolveFolder(id: string, context: CallContext): Promise<ResolvedFolder>;
  /** Tries a search in the folder, for the doctor, to learn whether Drive treats the account as a member there. */
  probeSearch(folderId: string, context: CallContext): Promise<'member' | 'non-member' | 'my-drive'>;
  /** Whose account this is and what storage it has left, in bytes (undefined: unlimited). */
  aboutAccount(context: CallContext): Promise<{ email: string; storageLimit: number | undefined; storageUsed: number }>;
}
