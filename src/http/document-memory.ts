import { CourierError } from '../errors.ts';
import { createShares, type Shares } from './capacity.ts';

/** The largest export document over HTTP: the platform's limit for an HTTP/1 request. */
export const MAX_DOCUMENT_BYTES = 33_554_432;

/** 10 MB of data as base64, 100 attributes of 1,280 bytes, and the JSON around them (pubsub/quotas#resource_limits). */
export const MAX_PUSH_BYTES = 16_777_216;

/**
 * Lines of responses that one caller has not read, in all its requests together: about 16,000. It may read only after it has
 * sent its whole archive.
 */
export const MAX_UNREAD_LINES_BYTES = 16_777_216;

/**
 * The memory for lines that have not been read: 16 MiB for one caller, 32 MiB for all. A caller must leave as much free as it
 * has, because a caller that sends a long archive slowly and reads nothing keeps its lines for as long as its request takes.
 * Next to one such caller, another one can have about 8,000 lines; next to two, 4,000. A response whose next line finds no
 * memory waits. Its caller is disconnected if it reads nothing for 60 seconds meanwhile.
 */
export const createLineMemory = (): Shares => createShares(MAX_UNREAD_LINES_BYTES, 1);

/** The part of the shared memory that one document occupies. */
export interface DocumentLease {
  /** Reserves memory for bytes that have arrived. @throws CourierError `busy` */
  take(bytes: number): void;
  /** Transfers the reserved memory to another holder. @throws CourierError `busy` */
  move(holder: string): void;
}

/**
 * The memory for documents that are kept in memory completely. Only bytes that have arrived count, not the announced
 * size.
 */
export interface DocumentMemory {
  /**
   * Runs work that keeps a document in memory.
   * @param announced the size of the document, if the request announces it: a document that does not fit is rejected
   * before it is read
   * @throws CourierError `busy` immediately
   */
  hold<Result>(
    holder: string,
    announced: number | undefined,
    work: (lease: DocumentLease) => Promise<Result>,
  ): Promise<Result>;
}

/**
 * @param maxBytes the limit of one holder, and therefore of one document; all holders together may use a quarter more
 */
export const createDocumentMemory = (maxBytes: number): DocumentMemory => {
  const shares = createShares(maxBytes);
  const busy = (): CourierError =>
    new CourierError('busy', {
      detail: `The documents that this instance holds have reached the limit of ${maxBytes} bytes for one caller, or the limit for all.`,
      retryAfterSeconds: 2,
    });
  return {
    async hold(holder, announced = 0, work) {
      if (announced > shares.available(holder)) throw busy();
      const share = shares.open(holder);
      try {
        return await work({
          take(bytes) {
            if (!share.take(bytes)) throw busy();
          },
          move(next) {
            if (!share.move(next)) throw busy();
          },
        });
      } finally {
        share.release();
      }
    },
  };
};
