import { createHash } from 'node:crypto';
import type { DestinationConfig } from '../config/schema/destination.ts';
import type { Caller, ConflictRule, Conversion, Delivery, DeliveryOptions } from '../domain.ts';
import type { CallContext, Drive } from '../drive/drive.ts';
import { pastMaxBytes } from '../drive/past-max-bytes.ts';
import type { Ledger } from '../ledger/ledger.ts';
import type { Log } from '../log.ts';
import type { Sleep } from '../sleep.ts';
import { withSuffix } from '../text/file-name.ts';

interface Folders {
  /**
   * Finds the folder of a path below a destination's folder, and creates what is missing of it.
   * @param context `fresh`: look at the folders again even if they were seen a moment ago
   */
  ensure(rootFolderId: string, path: string, context: CallContext & { fresh?: boolean }): Promise<{ folderId: string }>;
}

/** A configured destination, with the Drive that writes to it. */
export interface Destination {
  name: string;
  config: DestinationConfig;
  drive: Drive;
  folders: Folders;
}

/**
 * Finds the destination that a caller names, or its default one.
 * @param granted the destinations of a Pub/Sub subscription's list, which apply in place of `callers`
 * @throws CourierError `destination-forbidden` for unknown destinations as well as for forbidden ones
 */
export type Allow = (caller: Caller, named: string | undefined, granted?: readonly string[]) => Destination;

/** The request of a delivery, with the destination's defaults filled in. */
export interface ResolvedRequest {
  destination: Destination;
  name: string;
  path: string;
  onConflict: ConflictRule;
  convertTo: Conversion | undefined;
  description: string | undefined;
}

/** What every step of a delivery works with. */
export interface DeliveryContext {
  request: ResolvedRequest;
  delivery: Delivery;
  ledger: Ledger;
  /** For calls to Drive. */
  context: CallContext;
  log: Log;
  /** Epoch milliseconds. */
  now: () => number;
  sleep: Sleep;
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

/** Refuses a file whose announced size exceeds the destination's limit, before a byte of it is read. */
export const checkSize = (size: number | undefined, { config, name }: Destination): void => {
  if (size !== undefined && size > config.maxBytes) {
    throw pastMaxBytes(`The file has ${size} bytes; the limit of destination "${name}" is ${config.maxBytes} bytes.`);
  }
};

/**
 * The fingerprint of what a key is used for, as hex SHA-256: the request as the caller made it, without the destination's
 * defaults, which an operator may change between two tries. The bytes are compared by their own hash; an upload session,
 * whose bytes come later, by the size that it announces.
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
