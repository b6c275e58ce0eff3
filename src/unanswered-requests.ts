/** Called when a request ends, with the status of the answer; `unsent` if no connection was made, undefined if there was no answer. */
export type OnAnswer = (status: number | 'unsent' | undefined) => void;

/** Requests under a lease that Google may still carry out, although nobody waits for them any more. */
export interface UnansweredRequests {
  /** For each request, when it is sent. */
  onSend(): OnAnswer;
  /**
   * Google has shown the state of what the requests change. A request that a server error had answered before is over: it has
   * taken effect by now, or it never will. One without an answer may still be on its way.
   */
  looked(): void;
  /** The state shows the effect of one request. */
  tookEffect(): void;
  /** The state shows that none of the requests can take effect any more. */
  clear(): void;
  count(): number;
}

/** The server behind a gateway that gave up, or one that did not get the whole request in time, may still be at work. */
const isNoAnswer = (status: number | undefined): boolean => status === undefined || [408, 502, 504].includes(status);

export const createUnanswered = (): UnansweredRequests => {
  const requests = new Map<symbol, 'unanswered' | 'failed'>();
  const looked = (): void => {
    for (const [request, state] of requests) if (state === 'failed') requests.delete(request);
  };
  return {
    onSend() {
      const request = Symbol('request');
      requests.set(request, 'unanswered');
      return (status) => {
        if (status === 'unsent') {
          requests.delete(request);
          return;
        }
        if (isNoAnswer(status)) return;
        if ((status ?? 0) >= 500) {
          requests.set(request, 'failed');
          return;
        }
        requests.delete(request);
        looked();
      };
    },
    looked,
    tookEffect() {
      const [first] = requests.keys();
      if (first !== undefined) requests.delete(first);
    },
    clear: () => requests.clear(),
    count: () => requests.size,
  };
};
