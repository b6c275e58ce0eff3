import type { SendAllProgress } from '../../send-all/options.ts';
import type { Context } from '../context.ts';
import { bar, createRate } from './progress.ts';
import { durationText, sizeText } from './sizes.ts';

const EVERY_MS = 100;
/** Without a terminal, each line stays in a log. */
const LINE_EVERY_MS = 10_000;

export interface ManyProgress {
  show(progress: SendAllProgress): void;
  /** Clears the line, so that another one can be printed. */
  clear(): void;
}

const textOf = ({ files, totalFiles, sentBytes, totalBytes }: SendAllProgress, bytesPerMs: number): string => {
  const number = (value: number): string => value.toLocaleString('en');
  const rate = bytesPerMs > 0 ? `  ${sizeText(bytesPerMs * 1000)}/s` : '';
  if (totalFiles === undefined || totalBytes === undefined)
    return `${number(files)} files  ${sizeText(sentBytes)}${rate}`;
  const left = bytesPerMs > 0 ? `  ${durationText(Math.max(0, totalBytes - sentBytes) / bytesPerMs / 1000)} left` : '';
  return `${number(files)} of ${number(totalFiles)} files  ${sizeText(sentBytes)} of ${sizeText(totalBytes)}${rate}${left}`;
};

const shareOf = ({ files, totalFiles, sentBytes, totalBytes }: SendAllProgress): number | undefined => {
  if (totalFiles === undefined || totalBytes === undefined) return undefined;
  return Math.min(1, totalBytes === 0 ? files / Math.max(1, totalFiles) : sentBytes / totalBytes);
};

/** Rewrites one line on a terminal, and prints a line now and then where stderr is not one. */
export const createManyProgress = ({ stderr, now }: Pick<Context, 'stderr' | 'now'>): ManyProgress => {
  const measure = createRate();
  let shownAtMs = stderr.isTTY ? Number.NEGATIVE_INFINITY : now();
  let isShown = false;
  return {
    show(progress) {
      const atMs = now();
      if (atMs - shownAtMs < (stderr.isTTY ? EVERY_MS : LINE_EVERY_MS)) return;
      shownAtMs = atMs;
      const text = textOf(progress, measure(atMs, progress.sentBytes));
      if (!stderr.isTTY) {
        stderr.write(`courier: ${text}\n`);
        return;
      }
      const share = shareOf(progress);
      const line = share === undefined ? text : `${bar(share)} ${text}`;
      stderr.write(`\r${line.slice(0, (stderr.columns ?? 80) - 1)}\u001b[K`);
      isShown = true;
    },
    clear() {
      if (isShown) stderr.write('\r\u001b[K');
      isShown = false;
    },
  };
};
