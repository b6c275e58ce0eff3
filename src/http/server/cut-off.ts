/** The server's end, for work that is still going on when it comes. */
export interface CutOff {
  /** Calls back at the end, or at once after it; answers how to wait for it no longer. */
  onCutOff(callback: () => void): () => void;
}

/**
 * An AbortSignal would do, or a Set. But a removed listener of the one and an outgrown table of the other still point to
 * those that came after them: once one such was moved to the old generation, what every request holds follows, and stays
 * until the next full collection.
 */
export const createCutOff = (): CutOff & { cutOff(): void } => {
  let waiting: (() => void)[] = [];
  let isOver = false;
  return {
    onCutOff(callback) {
      if (isOver) callback();
      else waiting.push(callback);
      return () => {
        const place = waiting.indexOf(callback);
        const last = place < 0 ? undefined : waiting.pop();
        if (last !== undefined && place < waiting.length) waiting[place] = last;
      };
    },
    cutOff() {
      isOver = true;
      const told = waiting;
      waiting = [];
      for (const callback of told) callback();
    },
  };
};
