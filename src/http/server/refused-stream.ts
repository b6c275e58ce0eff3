import type { Http2ServerRequest } from 'node:http2';

/**
 * How long a refused caller has, once its answer is written, to finish or to cancel what it sends, in milliseconds. A reset
 * may come with NO_ERROR as RFC 9113, 8.1 says, but callers that read it together with the answer report the reset and drop
 * the answer: curl 7.88 does so for every third file of 10 KiB, and for nearly every one of 1 MiB.
 */
const LINGER_MS = 300;
/** What a small body may still take, which is read to its end and thrown away, in milliseconds. */
const SMALL_BODY_MS = 2_000;
/** No more than a stream's window, which the caller may send without asking. */
const MAX_SMALL_BODY_BYTES = 262_144;
/** Streams that wait at once; each may hold its window in memory. More are reset at once. */
const MAX_LINGERING = 64;
const POLL_MS = 5;

/** Bytes of the body as its caller announced it; infinite where it did not. */
const announcedBytes = ({ headers }: Http2ServerRequest): number => {
  const { 'content-length': length } = headers;
  return length === undefined ? Number.POSITIVE_INFINITY : Number(length);
};

/** Ends HTTP/2 streams whose body nobody reads: without a reset where the caller stops by itself in good time. */
export const createStreamEnd = (): ((incoming: Http2ServerRequest) => void) => {
  let lingering = 0;

  return (incoming) => {
    const { stream } = incoming;
    const isSmall = announcedBytes(incoming) <= MAX_SMALL_BODY_BYTES;
    let deadlineMs: number | undefined;
    // Node resets a stream by itself once its answer is written, unless somebody has ever asked for its body, or paused it.
    stream.pause();

    const begin = (): number => {
      lingering += 1;
      stream.once('close', () => {
        lingering -= 1;
      });
      if (isSmall) incoming.resume();
      return performance.now() + (isSmall ? SMALL_BODY_MS : LINGER_MS);
    };
    const look = (): void => {
      if (stream.destroyed) return;
      // A reset overtakes what is not written yet, and "finish" comes before that is.
      if (!stream.closed && stream.state.localClose !== 1) {
        setTimeout(look, POLL_MS);
        return;
      }
      if (deadlineMs === undefined && lingering < MAX_LINGERING) deadlineMs = begin();
      const isOver = stream.closed || stream.state.remoteClose === 1;
      if (!isOver && deadlineMs !== undefined && performance.now() < deadlineMs) {
        setTimeout(look, POLL_MS);
        return;
      }
      if (!isOver) stream.close();
      // What has come already must go, or it would keep the stream, its part of the connection's window and the connection.
      incoming.resume();
    };
    stream.once('finish', look);
  };
};
