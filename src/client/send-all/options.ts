import type { Receipt } from '../../domain.ts';
import { type FileFailure, failure } from '../errors.ts';
import { checkedKey, type SendOptions } from '../send/send-options.ts';

/**
 * What `sendAll` accepts: the path or `file:` URL of a file or folder, a glob pattern where no file has that name, or a file
 * with a path of its own in Drive.
 */
export type SendAllInput = string | URL | NamedInput;

/** A file with its path in Drive. */
export interface NamedInput {
  /** A path, a `file:` URL, bytes or a Blob. Streams are not accepted, because a file's key is derived from its bytes. */
  input: string | URL | Uint8Array | Blob;
  /** Folders and name in Drive, below the path in the options: `2026/orders.csv`. */
  path: string;
}

/** How much of a `sendAll` has been done. */
export interface SendAllProgress {
  /** Files that are done: delivered, unchanged or failed. */
  files: number;
  /** Files in total; undefined until they are counted. */
  totalFiles: number | undefined;
  /** Bytes of the files that are done, and of those that are being sent. */
  sentBytes: number;
  /** Bytes in total; undefined until they are counted. */
  totalBytes: number | undefined;
}

/** The receipt of one of many files. */
export interface FileReceipt extends Receipt {
  /** Path of the file as it was found. */
  file: string;
  /**
   * `unchanged` if the manifest already has the receipt, and nothing was sent; `changed` if the file has other bytes than in the
   * manifest, and was delivered again under the conflict rule; else `new`.
   */
  change: 'new' | 'changed' | 'unchanged';
}

/** What a folder contains and is not sent by default. */
export type Skipped = 'hidden' | 'symlink' | 'special';

/** Options of `sendAll`. Those of `send` apply to every file. */
export interface SendAllOptions extends Omit<SendOptions, 'name' | 'onProgress'> {
  /**
   * Each file's key is derived from this key, its destination, its path in Drive and its bytes. Sending again with the same key
   * creates no duplicates. Default: the key in the manifest, else a new one for each call.
   */
  idempotencyKey?: string | undefined;
  /**
   * Path of a file that remembers what was delivered. It is created if missing. With it, the same call again sends only what is
   * missing or changed, also on another machine.
   */
  manifest?: string | undefined;
  /** Files that are sent at the same time, 1 to 100. Fewer while the courier or Drive is at capacity. Default: 8. */
  concurrency?: number | undefined;
  /** Sends only files that match one of these patterns in gitignore syntax, relative to the folder that is sent. */
  include?: readonly string[] | undefined;
  /** Leaves out files and folders that match these patterns in gitignore syntax, relative to the folder that is sent. */
  exclude?: readonly string[] | undefined;
  /** Also sends files and folders whose names begin with a dot. */
  hidden?: boolean | undefined;
  /** Follows symbolic links in folders. By default they are left out. */
  followSymlinks?: boolean | undefined;
  /** Called while files are sent. With it, the files are also counted in advance. */
  onProgress?: ((progress: SendAllProgress) => void) | undefined;
  /** Called for each file that is not delivered. No other file is begun until its promise resolves, if it returns one. */
  onFailure?: ((failure: FileFailure) => unknown) | undefined;
  /** Called for each entry of a folder that is skipped although no pattern excludes it. */
  onSkip?: ((skipped: { file: string; reason: 'hidden' | 'symlink' | 'special' }) => void) | undefined;
}

const DEFAULT_CONCURRENCY = 8;
const MAX_CONCURRENCY = 100;

/** @throws CourierClientError `usage` */
export const checkedConcurrency = (concurrency = DEFAULT_CONCURRENCY): number => {
  if (!Number.isInteger(concurrency) || concurrency < 1 || concurrency > MAX_CONCURRENCY) {
    throw failure('usage', { detail: `The concurrency is not a whole number from 1 to ${MAX_CONCURRENCY}.` });
  }
  return concurrency;
};

/** @throws CourierClientError `usage` */
export const checkOptions = ({ concurrency, idempotencyKey }: SendAllOptions): void => {
  checkedConcurrency(concurrency);
  checkedKey(idempotencyKey);
};
