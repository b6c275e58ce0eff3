/** Notifies running work of the end of the server's grace period. */
export interface CutOff {
  /**
   * Calls back at the end of the grace period, or immediately if it is over. Returns a function that removes the
   * callback.
   */
  onCutOff(callback: () => void): () => void;
}

/**
 * Uses an array, because an AbortSignal or a Set would keep finished requests in memory. A removed listener of an
 * AbortSignal and a replaced hash table of a Set still refer to later entries. After one of them has moved to the
 * garbage collector's old generation, the objects of all later requests follow, and stay until the next full
 * collection.
 */
export const createCutOff = (): CutOff & { cutOff(): void } => {
  let waiting: (() => void)[] = [];
  let isOver = false;
  return {
    onCutOff(callback) {
      if (isOver) callback();
      else waiting.push(callback);
      return () => {
        const index = waiting.indexOf(callback);
        const last = index < 0 ? undefined : waiting.pop();
        if (last !== undefined && index < waiting.length) waiting[index] = last;
      };
    },
    cutOff() {
      isOver = true;
      const callbacks = waiting;
      waiting = [];
      for (const callback of callbacks) callback();
    },
  };
};
