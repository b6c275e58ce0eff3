import { createHash } from 'node:crypto';
import type { DestinationConfig } from '../config/destination.ts';
import type { Caller, ConflictRule, Conversion, Delivery, DeliveryOptions } from '../domain.ts';
import type { Drive } from '../drive/drive.ts';
import { pastMaxBytes } from '../drive/past-max-bytes.ts';
import { withSuffix } from '../text/file-name.ts';

/** Makes (or finds) the folders of a path below a destination's folder; see drive/folders.ts. */
interface Folders {
  ensure(
    rootFolderId: string,
    path: string,
    context: { signal?: AbortSignal; deadlineMs?: number; fresh?: boolean },
  ): Promise<{ folderId: string }>;
}

/** A destination with the means to write to it. */
export interface Destination {
  name: string;
  config: DestinationConfig;
  drive: Drive;
  folders: Folders;
}

/**
 * Finds the destination that a caller means. Unknown and forbidden ones look the same: `destination-forbidden`.
 * @param granted what this work may write to by its way of coming (a subscription's list), whatever `callers` say
 */
export type Allow = (caller: Caller, named: string | undefined, granted?: readonly string[]) => Destination;

/** What is to be done, with the destination's defaults filled in. */
export interface ResolvedRequest {
  destination: Destination;
  name: string;
  path: string;
  onConflict: ConflictRule;
  convertTo: Conversion | undefined;
  description: string | undefined;
}

/** The caller's options over the destination's defaults. */
export const resolveOptions = (destination: Destination, options: DeliveryOptions): ResolvedRequest => ({
  destination,
  name: withSuffix(options.name, options.suffix),
  path: options.path ?? destination.config.path,
  onConflict: options.onConflict ?? destination.config.onConflict,
  convertTo: options.convertTo ?? destination.config.convertTo ?? undefined,
  description: options.description,
});

/** Refuses what is said to be larger than the destination takes, before a byte of it is read. */
export const checkSize = (size: number | undefined, { config, name }: Destination): void => {
  if (size !== undefined && size > config.maxBytes) {
    throw pastMaxBytes(`The file has ${size} bytes; destination "${name}" takes ${config.maxBytes}.`);
  }
};

/**
 * What a key stands for, as hex SHA-256: the request as the caller made it, not the destination's defaults, which an
 * operator may change between two tries. The bytes are compared by their own hash; of a session, whose bytes come later,
 * by the size that it announces.
 */
export const fingerprint = (
  way: 'bytes' | 'session',
  {
    options,
    source,
    size,
  }: Pick<Delivery, 'options'> & { source?: { identity?: string | undefined }; size?: number | undefined },
  destination: string,
): string =>
  createHash('sha256')
    .update(
      JSON.stringify([
        way,
        destination,
        options.name,
        options.path ?? null,
        options.convertTo ?? null,
        source?.identity ?? null,
        size ?? null,
      ]),
    )
    .digest('hex');
