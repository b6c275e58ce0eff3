import { withoutControls } from '../../text/unicode/unicode-escape.ts';
import { asClientError, CourierClientError, type ExitCode, type FileFailure, failure } from '../errors.ts';
import type { FileReceipt, SendAllOptions } from '../send-all/options.ts';
import type { PlannedFile } from '../send-all/plan-all.ts';
import {
  type Context,
  createClient,
  errColors,
  type GlobalOptions,
  openSession,
  OUTPUT_FAILED,
  outColors,
} from './context.ts';
import { createLines } from './output/grouped-lines.ts';
import { createManyProgress } from './output/send-many-progress.ts';
import { addFailure, addFile, createSummary, failureTable, summaryText } from './output/send-summary.ts';
import { sizeText } from './output/sizes.ts';
import type { FileFlags, ManyFlags } from './send-flags.ts';

export interface ManyCommand {
  context: Context;
  paths: readonly string[];
  flags: GlobalOptions;
  file: FileFlags;
  many: ManyFlags;
}

/** @throws CourierClientError `usage` for what applies to one file only */
const checkCommand = ({ paths, file }: ManyCommand): void => {
  if (paths.includes('-')) throw failure('usage', { detail: 'Standard input (-) can only be sent alone.' });
  if (file.name !== undefined)
    throw failure('usage', { detail: '--name is for a single file. Several files keep their names.' });
};

/** A run without files succeeds, as those of rsync and rclone do: a folder may be empty on some days. A typo must not look so. */
const noFileText = ({ paths, many: { include = [], exclude = [] } }: ManyCommand): string => {
  const below = paths.length === 1 ? `in ${paths[0]}` : 'in the given paths';
  return include.length + exclude.length === 0
    ? `There is no file to send ${below}.`
    : `There is no file ${below} that --include and --exclude select. Their patterns are relative to the folder that is sent.`;
};

/** Prints what happens to each file, and counts it. */
const createReport = (command: ManyCommand) => {
  const { context, flags } = command;
  const { stdout, stderr, signal } = context;
  const progress = createManyProgress(context);
  const summary = createSummary();
  const failures: FileFailure[] = [];
  const lines = createLines(stdout, signal);
  const print = (text: string): void => {
    progress.clear();
    lines.print(text);
  };
  const { yellow } = outColors(context);
  return {
    summary,
    onReceipt(receipt: FileReceipt): void {
      addFile(summary, receipt);
      const { change, outcome, webViewLink, warnings = [] } = receipt;
      const file = withoutControls(receipt.file);
      if (flags.json) {
        print(JSON.stringify(receipt));
        return;
      }
      if (change === 'changed') print(`${yellow('changed:')} ${file} (${outcome}) ${webViewLink}`);
      if (change !== 'unchanged') for (const each of warnings) print(`${yellow('warning:')} ${file}: ${each}`);
    },
    options: {
      ...(flags.json ? {} : { onProgress: progress.show }),
      async onFailure(failed) {
        addFailure(summary, failed);
        if (flags.json) print(JSON.stringify({ file: failed.file, ...failed.error.toJSON() }));
        else failures.push(failed);
        await lines.taken();
      },
      onSkip({ reason }) {
        summary.skipped[reason] += 1;
      },
    } satisfies SendAllOptions,
    onPlanned(planned: PlannedFile): void {
      addFile(summary, planned);
      const { change, file, path, size } = planned;
      print(
        flags.json ? JSON.stringify(planned) : `${change}: ${withoutControls(file)} -> ${path} (${sizeText(size)})`,
      );
    },
    /** While the reader of the output is slow, nothing more is sent: lines would pile up in memory. */
    taken: lines.taken,
    end(verb: string, exitCode: 0 | ExitCode): void {
      const warning = summary.files === 0 ? noFileText(command) : undefined;
      print(flags.json ? JSON.stringify({ summary: { ...summary, exitCode, warning } }) : summaryText(summary, verb));
      lines.flush();
      if (warning !== undefined && !flags.json) {
        stderr.write(`${errColors(context).yellow('courier: warning:')} ${warning}\n`);
      }
      if (failures.length > 0) stderr.write(`${failureTable(failures, errColors(context).red)}\n`);
    },
  };
};

const optionsOf = ({ context, file, many }: ManyCommand, destination: string | undefined): SendAllOptions => {
  const { key, name: _, ...rest } = file;
  const { dryRun: __, ...selection } = many;
  return { ...rest, ...selection, destination, idempotencyKey: key, signal: context.signal };
};

/** With --json the summary is the last line, so the error that only repeats it is not printed. */
const isInSummary = (error: unknown, { json }: GlobalOptions): error is CourierClientError =>
  json === true && error instanceof CourierClientError && error.code === 'files-failed';

const seconds = (milliseconds: number): number => Math.round(milliseconds) / 1000;

/** `courier send PATH…` for several files. @throws CourierClientError `files-failed`, or what ended the run */
const sendPaths = async (command: ManyCommand): Promise<0 | ExitCode> => {
  const { context, paths, flags } = command;
  const session = await openSession(context, flags);
  const client = await createClient(context, flags, session);
  const report = createReport(command);
  const options = { ...optionsOf(command, session.settings.destination?.value), ...report.options };
  const startedMs = context.now();
  const end = (exitCode: 0 | ExitCode): void => {
    report.summary.seconds = seconds(context.now() - startedMs);
    report.end('delivered', exitCode);
  };
  try {
    for await (const receipt of client.sendAll(paths, options)) {
      report.onReceipt(receipt);
      await report.taken();
    }
  } catch (error) {
    if (report.summary.files > 0) end(asClientError(error).exitCode);
    if (!isInSummary(error, flags)) throw error;
    return error.exitCode;
  }
  end(0);
  return 0;
};

/** `courier send --dry-run PATH…`: what would be sent, without a request to the courier. */
const planPaths = async (command: ManyCommand): Promise<0 | ExitCode> => {
  const { context, paths, flags } = command;
  const { planAll } = await import('../send-all/plan-all.ts');
  const { settings } = await openSession(context, flags);
  const report = createReport(command);
  const { onFailure, onSkip } = report.options;
  const options = { ...optionsOf(command, settings.destination?.value), onFailure, onSkip };
  try {
    for await (const planned of planAll(paths, options)) {
      report.onPlanned(planned);
      await report.taken();
      if (context.signal.aborted) throw failure('stopped');
    }
  } catch (error) {
    // A dry run has nothing to resume, so it ends without a message, as in `courier … | head`.
    if (context.signal.reason === OUTPUT_FAILED) return 1;
    throw error;
  }
  const exitCode = report.summary.retryable > 0 ? 75 : report.summary.failed > 0 ? 1 : 0;
  report.end('to send', exitCode);
  return exitCode;
};

/** `courier send PATH…` @returns the exit code @throws CourierClientError */
export const sendMany = async (command: ManyCommand): Promise<0 | ExitCode> => {
  checkCommand(command);
  command.context.onManyFiles?.();
  return command.many.dryRun ? planPaths(command) : sendPaths(command);
};
