import type { Http2ServerRequest } from 'node:http2';

/**
 * How long a rejected caller has to finish or cancel its body after the response is written, before the stream is
 * reset. RFC 9113, 8.1 allows a reset with NO_ERROR, but clients that read the reset together with the response report
 * the reset and drop the response: curl 7.88 does so for every third file of 10 KiB, and for nearly every file of 1
 * MiB.
 */
const LINGER_MS = 300;
/** How long a small body may take to arrive. It is read to its end and discarded. */
const SMALL_BODY_MS = 2_000;
/** At most the flow-control window of a stream, which the caller may send without permission. */
const MAX_SMALL_BODY_BYTES = 262_144;
/**
 * The maximum number of streams that linger, because each may keep its window in memory. Further ones are reset
 * immediately.
 */
const MAX_LINGERING = 64;
const POLL_MS = 5;

/** The announced size of the body in bytes; infinite if the caller does not announce it. */
const announcedBytes = ({ headers }: Http2ServerRequest): number => {
  const { 'content-length': length } = headers;
  return length === undefined ? Number.POSITIVE_INFINITY : Number(length);
};

/** Ends HTTP/2 streams whose body is not read. A stream is reset only if the caller does not stop sending in time. */
export const createStreamEnd = (): ((incoming: Http2ServerRequest) => void) => {
  let lingering = 0;

  return (incoming) => {
    const { stream } = incoming;
    const isSmall = announcedBytes(incoming) <= MAX_SMALL_BODY_BYTES;
    let deadlineMs: number | undefined;
    // Node resets a stream after its response is written, unless its body has been read or paused before.
    stream.pause();

    const begin = (): number => {
      lingering += 1;
      stream.once('close', () => {
        lingering -= 1;
      });
      if (isSmall) incoming.resume();
      return performance.now() + (isSmall ? SMALL_BODY_MS : LINGER_MS);
    };
    const hasEnded = (): boolean => stream.closed || stream.state.remoteClose === 1;
    /** Whether the stream must still stay open. The time for the rest of its body begins when the answer is written. */
    const mustWait = (): boolean => {
      // A reset would discard data that is not written yet, and "finish" is emitted before all data is written.
      if (!stream.closed && stream.state.localClose !== 1) return true;
      if (deadlineMs === undefined && lingering < MAX_LINGERING) deadlineMs = begin();
      return !hasEnded() && deadlineMs !== undefined && performance.now() < deadlineMs;
    };
    const look = (): void => {
      if (stream.destroyed) return;
      if (mustWait()) {
        setTimeout(look, POLL_MS);
        return;
      }
      if (!hasEnded()) stream.close();
      // Discard the bytes that have arrived. They would keep the stream, the connection and part of its window
      // occupied.
      incoming.resume();
    };
    stream.once('finish', look);
  };
};
