import { CourierError } from '../../errors.ts';
import { createShares } from './shares.ts';

/** The largest export document over HTTP: what the platform takes in one HTTP/1 request. */
export const MAX_DOCUMENT_BYTES = 33_554_432;

/** 10 MB of data as base64, 100 attributes of 1,280 bytes, and what is around them (pubsub/quotas#resource_limits). */
export const MAX_PUSH_BYTES = 16_777_216;

/** What a document has of the memory that all of them share. */
export interface DocumentLease {
  /** Takes memory for bytes that have arrived. @throws CourierError `busy` */
  take(bytes: number): void;
  /** Counts what it has for another holder. @throws CourierError `busy` */
  move(holder: string): void;
}

/** The memory of documents that must be there whole. Only what has arrived counts, whatever a request announces. */
export interface DocumentMemory {
  /**
   * Does the work with a document.
   * @param announced its size, where the request says so: what will not fit is refused before it is read
   * @throws CourierError `busy` at once
   */
  hold<Result>(
    holder: string,
    announced: number | undefined,
    work: (lease: DocumentLease) => Promise<Result>,
  ): Promise<Result>;
}

/** @param mostBytes of one holder at once, and so of one document; a quarter more than that may be in hand for all holders together */
export const createDocumentMemory = (mostBytes: number): DocumentMemory => {
  const shares = createShares(mostBytes);
  const busy = (): CourierError =>
    new CourierError('busy', {
      detail: `This instance has as many bytes of documents in hand as it takes from one caller (${mostBytes}), or from all.`,
      retryAfterSeconds: 2,
    });
  return {
    async hold(holder, announced = 0, work) {
      if (announced > shares.room(holder)) throw busy();
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
        share.give();
      }
    },
  };
};
