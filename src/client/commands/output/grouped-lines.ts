/** Prints lines in groups, because each write to a pipe wakes its reader. */
export interface Lines {
  print(line: string): void;
  /** Writes what has not been written yet. */
  flush(): void;
}

/** Short enough for a person who watches, and long enough for several files. */
const WAIT_MS = 50;
const MAX_UNITS = 16_384;

export const createLines = (out: { write(text: string): unknown }): Lines => {
  let waiting = '';
  let timer: NodeJS.Timeout | undefined;
  const flush = (): void => {
    clearTimeout(timer);
    timer = undefined;
    const text = waiting;
    waiting = '';
    if (text !== '') out.write(text);
  };
  return {
    print(line) {
      waiting += `${line}\n`;
      if (waiting.length >= MAX_UNITS) flush();
      else timer ??= setTimeout(flush, WAIT_MS);
    },
    flush,
  };
};
