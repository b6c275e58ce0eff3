import { withoutControls } from '../../../text/unicode/unicode-escape.ts';
import type { FileFailure } from '../../errors.ts';
import type { FileReceipt, Skipped } from '../../send-all/options.ts';
import { durationText, sizeText } from './sizes.ts';

/** What became of the files; with `--json`, a line of its own. */
export interface Summary {
  files: number;
  delivered: number;
  /** Those of the delivered files that an earlier run had delivered with other bytes. */
  changed: number;
  unchanged: number;
  failed: number;
  /** Those of the failed files that are worth trying again. */
  retryable: number;
  skipped: Record<Skipped, number>;
  /** Bytes of the delivered files. */
  bytes: number;
  seconds: number;
}

/** Rows of the table of failures. */
const MAX_ROWS = 50;

const SKIPPED_WORDS: Readonly<Record<Skipped, string>> = {
  hidden: 'hidden (--hidden)',
  symlink: 'symbolic links (--follow-symlinks)',
  special: 'special files',
};

const numberText = (number: number): string => number.toLocaleString('en');

export const createSummary = (): Summary => ({
  ...{ files: 0, delivered: 0, changed: 0, unchanged: 0, failed: 0, retryable: 0 },
  ...{ skipped: { hidden: 0, symlink: 0, special: 0 }, bytes: 0, seconds: 0 },
});

export const addFile = (summary: Summary, { change, size }: Pick<FileReceipt, 'change' | 'size'>): void => {
  summary.files += 1;
  if (change === 'unchanged') {
    summary.unchanged += 1;
    return;
  }
  summary.delivered += 1;
  summary.bytes += size;
  if (change === 'changed') summary.changed += 1;
};

export const addFailure = (summary: Summary, { error }: FileFailure): void => {
  summary.files += 1;
  summary.failed += 1;
  if (error.retryable) summary.retryable += 1;
};

const skippedText = (skipped: Summary['skipped']): string => {
  const parts = (['hidden', 'symlink', 'special'] as const)
    .filter((reason) => skipped[reason] > 0)
    .map((reason) => `${numberText(skipped[reason])} ${SKIPPED_WORDS[reason]}`);
  return parts.length === 0 ? '' : `\nleft out: ${parts.join(', ')}`;
};

/** @param verb what happened to the files: `delivered`, or `to send` in a dry run */
export const summaryText = (summary: Summary, verb: string): string => {
  const { delivered, changed, unchanged, failed, bytes, seconds, skipped } = summary;
  const noun = delivered === 1 ? 'file' : 'files';
  const rest = [
    ...(changed === 0 ? [] : [`${numberText(changed)} of them changed`]),
    ...(unchanged === 0 ? [] : [`${numberText(unchanged)} unchanged`]),
    ...(failed === 0 ? [] : [`${numberText(failed)} failed`]),
  ];
  const time = seconds === 0 ? '' : ` in ${durationText(seconds)}`;
  const head = `${numberText(delivered)} ${noun} ${verb} (${sizeText(bytes)})${time}`;
  return `${[head, ...rest].join(', ')}${skippedText(skipped)}`;
};

/** Details of the client's own errors begin with the file's path, and may consist of it. */
const reasonOf = ({ file, error: { detail, title } }: FileFailure): string => {
  if (detail === undefined || detail === file) return title;
  return detail.startsWith(`${file}: `) ? detail.slice(file.length + 2) : detail;
};

/** The failures as a table, and what to do about each kind. */
export const failureTable = (failures: readonly FileFailure[], red: (text: string) => string): string => {
  const rows = failures.slice(0, MAX_ROWS).map((failed) => ({
    code: failed.error.code,
    file: withoutControls(failed.file),
    reason: withoutControls(reasonOf(failed)),
  }));
  const codeWidth = Math.max(...rows.map(({ code }) => code.length));
  const fileWidth = Math.min(40, Math.max(...rows.map(({ file }) => file.length)));
  const more = failures.length - rows.length;
  const remedies = new Map(failures.map(({ error: { code, remedy } }) => [code, remedy]));
  return [
    ...rows.map(({ code, file, reason }) => `${red(code.padEnd(codeWidth))}  ${file.padEnd(fileWidth)}  ${reason}`),
    ...(more === 0 ? [] : [`… and ${numberText(more)} more; --json lists them all`]),
    ...[...remedies].map(([code, remedy]) => `${code}: ${remedy}`),
  ].join('\n');
};
