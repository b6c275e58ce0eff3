import { CourierError } from '../errors.ts';

/** Bodies that must be in memory whole (export documents, pushes) share this much, in bytes of what comes over the wire. */
const MOST_BYTES = 33_554_432;

/** The largest export document over HTTP: what the platform takes in one HTTP/1 request. */
export const MOST_DOCUMENT_BYTES = 33_554_432;

/** 10 MB of data as base64, 100 attributes of 1,280 bytes, and what is around them (pubsub/quotas#resource_limits). */
export const MOST_PUSH_BYTES = 16_777_216;

export interface WholeBodies {
  /** Does the work if there is room for a body of so many bytes. @throws CourierError `busy` at once */
  hold<Result>(bytes: number, work: () => Promise<Result>): Promise<Result>;
}

/** One for the whole app. A body that is alone is always taken. */
export const createWholeBodies = (mostBytes = MOST_BYTES): WholeBodies => {
  let held = 0;
  return {
    async hold(bytes, work) {
      if (held > 0 && held + bytes > mostBytes) {
        throw new CourierError('busy', {
          detail: `This instance has ${held} bytes of documents in hand.`,
          retryAfterSeconds: 2,
        });
      }
      held += bytes;
      try {
        return await work();
      } finally {
        held -= bytes;
      }
    },
  };
};
