import type { SendProgress } from '../../send/send-options.ts';
import type { Context } from '../context.ts';
import { durationText, sizeText } from './sizes.ts';

const EVERY_MS = 100;
/** Half-life of the moving average that gives the transfer rate of the last few seconds. */
const HALF_LIFE_MS = 3_000;
const BAR_CELLS = 24;

export interface Progress {
  show(progress: SendProgress): void;
  /** Clears the line. */
  end(): void;
}

export const bar = (share: number): string => {
  const full = Math.round(share * BAR_CELLS);
  return `[${'#'.repeat(full)}${'.'.repeat(BAR_CELLS - full)}]`;
};

/** Measures the transfer rate of the last few seconds. @returns bytes for each millisecond; 0 as long as it is unknown */
export const createRate = (): ((atMs: number, sentBytes: number) => number) => {
  let before: { atMs: number; sentBytes: number } | undefined;
  let bytesPerMs = 0;
  return (atMs, sentBytes) => {
    if (before !== undefined && atMs > before.atMs) {
      const elapsed = atMs - before.atMs;
      // Never negative: bytes that have to be sent again are subtracted.
      const current = Math.max(0, sentBytes - before.sentBytes) / elapsed;
      const weight = bytesPerMs === 0 ? 0 : 0.5 ** (elapsed / HALF_LIFE_MS);
      bytesPerMs = weight * bytesPerMs + (1 - weight) * current;
    }
    before = { atMs, sentBytes };
    return bytesPerMs;
  };
};

const DEFAULT_COLUMNS = 80;

/** The longest text that the terminal can show in one line. */
export const fitting = (texts: readonly string[], columns: number | undefined): string => {
  // Some terminals say that they have no columns.
  const room = (columns || DEFAULT_COLUMNS) - 1;
  return texts.find(({ length }) => length <= room) ?? (texts.at(-1) ?? '').slice(0, room);
};

/** The whole text, and shorter ones for narrow terminals. */
const textsOf = ({ sentBytes, totalBytes }: SendProgress, bytesPerMs: number): string[] => {
  const rate = bytesPerMs > 0 ? `  ${sizeText(bytesPerMs * 1000)}/s` : '';
  if (totalBytes === undefined) return [`${sizeText(sentBytes)}${rate}`];
  const left = bytesPerMs > 0 ? `  ${durationText((totalBytes - sentBytes) / bytesPerMs / 1000)} left` : '';
  const share = totalBytes === 0 ? 1 : sentBytes / totalBytes;
  const whole = `${sizeText(sentBytes)} of ${sizeText(totalBytes)}${rate}${left}`;
  return [`${bar(share)} ${whole}`, whole, `${Math.floor(share * 100)} %${rate}${left}`];
};

/** Rewrites one line on the terminal. Does nothing if stderr is not a terminal. */
export const createProgress = ({ stderr, now }: Pick<Context, 'stderr' | 'now'>): Progress => {
  if (!stderr.isTTY) return { show: () => undefined, end: () => undefined };
  const measure = createRate();
  let shownAtMs = Number.NEGATIVE_INFINITY;

  return {
    show({ sentBytes, totalBytes }) {
      const atMs = now();
      if (atMs - shownAtMs < EVERY_MS && sentBytes !== totalBytes) return;
      shownAtMs = atMs;
      const bytesPerMs = measure(atMs, sentBytes);
      stderr.write(`\r${fitting(textsOf({ sentBytes, totalBytes }, bytesPerMs), stderr.columns)}\u001b[K`);
    },
    end() {
      if (shownAtMs > Number.NEGATIVE_INFINITY) stderr.write('\r\u001b[K');
    },
  };
};
