import { CourierError } from '../errors.ts';

/** An entry of an archive. `path` is its name in the archive, with folders. */
export type ArchiveEntry =
  | {
      kind: 'file';
      path: string;
      /** Bytes, unpacked. */
      size: number;
      /** When the file was modified, if the archive has a time for it. */
      modified: Date | undefined;
      /**
       * True if the bytes come from the body of the request as it arrives: they must be read before the next entry. Other
       * entries can be read at any time.
       */
      isStream: boolean;
      /** Call it once. @throws CourierError `request-invalid`, `digest-mismatch`, `too-large`, `body-truncated` */
      open(): AsyncIterable<Uint8Array>;
    }
  /** An entry that cannot be a file in Drive, such as a symbolic link. */
  | { kind: 'refused'; path: string; error: CourierError }
  /** A folder, or another entry that has no content. */
  | { kind: 'folder'; path: string };

/** The limits against archives that unpack to far more than they seem to ("zip bombs"). */
export interface ArchiveLimits {
  /** Entries of any kind. */
  maxEntries: number;
  /** Bytes of all entries together. */
  maxTotalBytes: number;
  /** Unpacked bytes per byte of the archive. It applies above `ratioFromBytes`. */
  maxRatio: number;
  ratioFromBytes: number;
}

export const ARCHIVE_LIMITS: ArchiveLimits = {
  maxEntries: 10_000,
  maxTotalBytes: 107_374_182_400,
  // Logs and CSV files reach 20 to 50. DEFLATE itself cannot exceed 1,032 (https://zlib.net/zlib_tech.html).
  maxRatio: 200,
  ratioFromBytes: 67_108_864,
};

const tooLarge = (reason: string, detail: string): CourierError =>
  new CourierError('too-large', {
    detail,
    reason,
    remedy: 'Send several smaller archives, or the files one by one.',
  });

export const headerTooLarge = (): CourierError =>
  new CourierError('too-large', {
    detail: 'The archive has an extended header that is too long.',
    reason: 'header',
    remedy: 'Pack the files without their extended attributes: tar --no-xattrs.',
  });

/** @throws CourierError `too-large` with the reason `entries` */
export const checkEntries = (count: number, { maxEntries }: ArchiveLimits): void => {
  if (count > maxEntries) throw tooLarge('entries', `The archive has more than ${maxEntries} entries.`);
};

/**
 * @param unpacked bytes so far
 * @param packed bytes of the archive so far
 * @throws CourierError `too-large` with the reason `total` or `ratio`
 */
export const checkUnpacked = (unpacked: number, packed: number, limits: ArchiveLimits): void => {
  const { maxTotalBytes, maxRatio, ratioFromBytes } = limits;
  if (unpacked > maxTotalBytes) throw tooLarge('total', `The archive unpacks to more than ${maxTotalBytes} bytes.`);
  if (unpacked > ratioFromBytes && unpacked > maxRatio * packed) {
    throw tooLarge(
      'ratio',
      `The archive unpacks to more than ${maxRatio} times its size (${unpacked} bytes of ${packed}).`,
    );
  }
};

/** @param reason names what the entry is, such as `symlink` */
export const refused = (path: string, reason: string, detail: string): ArchiveEntry => ({
  kind: 'refused',
  path,
  error: new CourierError('request-invalid', {
    detail,
    reason,
    remedy: 'Pack only plain files. The other entries of the archive are not affected.',
  }),
});

/** @param why the message of the library that reads the archive */
export const damagedArchive = (format: string, why: string, cause: unknown): CourierError =>
  new CourierError('request-invalid', {
    detail: `The archive is not a complete ${format} file (${why.slice(0, 200)}).`,
    reason: 'archive-damaged',
    remedy: 'Check the archive, and the value of "unpack", which is zip or tar.gz.',
    cause,
  });
