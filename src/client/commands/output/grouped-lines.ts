/** Prints lines in groups, because each write to a pipe wakes its reader. */
export interface Lines {
  print(line: string): void;
  /** Writes what has not been written yet. */
  flush(): void;
  /** Resolves when the reader has taken what was written, or when the signal is aborted. */
  taken(): Promise<void>;
}

/** Standard output, or what stands for it in a test. */
interface Output {
  /** @param onWritten called when the reader has taken the text, or cannot take it any more */
  write(text: string, onWritten: () => void): unknown;
}

/** Short enough for a person who watches, and long enough for several files. */
const WAIT_MS = 50;
const MAX_UNITS = 16_384;

/** @param signal ends the wait for the reader */
export const createLines = (out: Output, signal: AbortSignal): Lines => {
  let waiting = '';
  let timer: NodeJS.Timeout | undefined;
  /** Groups of lines that the reader has not taken yet. */
  let untaken = 0;
  let onTaken = (): void => undefined;
  const write = (text: string): void => {
    untaken += 1;
    out.write(text, () => {
      untaken -= 1;
      if (untaken === 0) onTaken();
    });
  };
  const flush = (): void => {
    clearTimeout(timer);
    timer = undefined;
    const text = waiting;
    waiting = '';
    if (text !== '') write(text);
  };
  return {
    print(line) {
      waiting += `${line}\n`;
      if (waiting.length >= MAX_UNITS) flush();
      else timer ??= setTimeout(flush, WAIT_MS);
    },
    flush,
    async taken() {
      if (untaken === 0 || signal.aborted) return;
      await new Promise<void>((resolve) => {
        onTaken = () => {
          signal.removeEventListener('abort', onTaken);
          resolve();
        };
        signal.addEventListener('abort', onTaken);
      });
    },
  };
};
