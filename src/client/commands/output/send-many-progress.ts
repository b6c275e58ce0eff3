import type { SendAllProgress } from '../../send-all/options.ts';
import type { Context } from '../context.ts';
import { bar, createRate, fitting } from './progress.ts';
import { durationText, sizeText } from './sizes.ts';

const EVERY_MS = 100;
/** Without a terminal, each line stays in a log. */
const LINE_EVERY_MS = 10_000;

export interface ManyProgress {
  show(progress: SendAllProgress): void;
  /** Clears the line, so that another one can be printed. */
  clear(): void;
}

/** Below this rate, in files for each millisecond, the last files were large, and say nothing about those that are left. */
const MIN_FILES_PER_MS = 0.001;

interface Rates {
  /** Zero as long as they are unknown. */
  bytesPerMs: number;
  filesPerMs: number;
}

const numberText = (value: number): string => value.toLocaleString('en');

/** Small files take time although they have few bytes, so both are counted. */
const leftText = (left: { files: number; bytes: number }, { bytesPerMs, filesPerMs }: Rates): string => {
  if (bytesPerMs === 0) return '';
  const filesMs = filesPerMs < MIN_FILES_PER_MS ? 0 : left.files / filesPerMs;
  return `${durationText(Math.max(0, left.bytes / bytesPerMs, filesMs) / 1000)} left`;
};

const joined = (...parts: readonly string[]): string => parts.filter((part) => part !== '').join('  ');

const shareOf = ({ files, totalFiles, sentBytes, totalBytes }: SendAllProgress): number | undefined => {
  if (totalFiles === undefined || totalBytes === undefined) return undefined;
  return Math.min(1, totalBytes === 0 ? files / Math.max(1, totalFiles) : sentBytes / totalBytes);
};

/** The whole text, and shorter ones for narrow terminals. */
const textsOf = (progress: SendAllProgress, rates: Rates): [whole: string, ...shorter: string[]] => {
  const { files, totalFiles, sentBytes, totalBytes } = progress;
  const rate = rates.bytesPerMs > 0 ? `${sizeText(rates.bytesPerMs * 1000)}/s` : '';
  if (totalFiles === undefined || totalBytes === undefined) {
    return [joined(`${numberText(files)} files`, sizeText(sentBytes), rate)];
  }
  const left = leftText({ files: totalFiles - files, bytes: totalBytes - sentBytes }, rates);
  const ofFiles = `${numberText(files)} of ${numberText(totalFiles)} files`;
  const ofBytes = `${sizeText(sentBytes)} of ${sizeText(totalBytes)}`;
  const percent = `${Math.floor((shareOf(progress) ?? 0) * 100)} %`;
  return [joined(ofFiles, ofBytes, rate, left), joined(ofFiles, percent, rate, left), joined(ofFiles, percent, left)];
};

/** Rewrites one line on a terminal, and prints a line now and then where stderr is not one. */
export const createManyProgress = ({ stderr, now }: Pick<Context, 'stderr' | 'now'>): ManyProgress => {
  const measureBytes = createRate();
  const measureFiles = createRate();
  let shownAtMs = stderr.isTTY ? Number.NEGATIVE_INFINITY : now();
  let isShown = false;
  return {
    show(progress) {
      const atMs = now();
      if (atMs - shownAtMs < (stderr.isTTY ? EVERY_MS : LINE_EVERY_MS)) return;
      shownAtMs = atMs;
      const { files, sentBytes } = progress;
      const texts = textsOf(progress, {
        bytesPerMs: measureBytes(atMs, sentBytes),
        filesPerMs: measureFiles(atMs, files),
      });
      const [whole] = texts;
      if (!stderr.isTTY) {
        stderr.write(`courier: ${whole}\n`);
        return;
      }
      const share = shareOf(progress);
      const withBar = share === undefined ? [] : [`${bar(share)} ${whole}`];
      stderr.write(`\r${fitting([...withBar, ...texts], stderr.columns)}\u001b[K`);
      isShown = true;
    },
    clear() {
      if (isShown) stderr.write('\r\u001b[K');
      isShown = false;
    },
  };
};
