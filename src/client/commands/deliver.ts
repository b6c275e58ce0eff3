import { stat } from 'node:fs/promises';
import type { Receipt } from '../../domain.ts';
import { type ExitCode, failure } from '../errors.ts';
import type { SendOptions } from '../send/send-options.ts';
import { type Context, createClient, type GlobalOptions, openSession, outColors, print } from './context.ts';
import { createProgress } from './output/progress.ts';
import { sizeText } from './output/sizes.ts';
import { type FileFlags, hasManyFlags, manyFlagsSchema, readFileFlags } from './send-flags.ts';

const receiptText = (context: Context, receipt: Receipt): string => {
  const { outcome, name, size, destination, path, webViewLink, sheet, warnings = [] } = receipt;
  const { green, yellow } = outColors(context);
  return [
    `${green(`${outcome}:`)} ${name} (${sizeText(size)}) in ${destination}${path === '' ? '' : `/${path}`}`,
    ...(sheet === undefined ? [] : [`${sheet.rows} rows in ${sheet.range}`]),
    webViewLink,
    ...warnings.map((warning) => `${yellow('warning:')} ${warning}`),
  ].join('\n');
};

/** `courier send FILE|-` */
const sendOne = async (
  context: Context,
  file: string,
  flags: GlobalOptions,
  { key, ...rest }: FileFlags,
): Promise<void> => {
  if (file === '-' && rest.name === undefined) {
    throw failure('usage', { detail: 'Standard input has no name. Pass one with --name.' });
  }
  if (file === '-' && rest.preserveTimes) {
    throw failure('usage', { detail: 'Standard input has no times to preserve. Pass one with --modified-time.' });
  }
  const session = await openSession(context, flags);
  const client = await createClient(context, flags, session);
  const progress = createProgress(flags.json ? { ...context, stderr: { write: () => true } } : context);
  const options: SendOptions = {
    ...rest,
    destination: session.settings.destination?.value,
    idempotencyKey: key,
    signal: context.signal,
    onProgress: progress.show,
  };
  try {
    const receipt = await client.send(file === '-' ? context.stdin : file, options);
    progress.end();
    print(context, flags, receipt, receiptText(context, receipt));
  } catch (error) {
    progress.end();
    throw error;
  }
};

/** A folder, or a pattern that the shell did not expand. A file may have such a name, too. */
const isSeveral = async (path: string): Promise<boolean> => {
  if (path === '-') return false;
  const stats = await stat(path).catch(() => undefined);
  return stats === undefined ? /[*?[]/.test(path) : stats.isDirectory();
};

/** `courier send PATH…` @returns the exit code */
export const sendCommand = async (
  context: Context,
  paths: readonly string[],
  flags: GlobalOptions,
): Promise<0 | ExitCode> => {
  const file = readFileFlags(flags);
  const many = manyFlagsSchema.parse(flags);
  const [first = ''] = paths;
  if (paths.length === 1 && !hasManyFlags(many) && !(await isSeveral(first))) {
    await sendOne(context, first, flags, file);
    return 0;
  }
  const { sendMany } = await import('./send-many.ts');
  return sendMany({ context, paths, flags, file, many });
};

export interface ExportFlags extends GlobalOptions {
  key?: string;
}

/** `courier export DOCUMENT`: a file with the document's JSON, the JSON itself, or `-`. Its bytes are forwarded unchanged. */
export const exportCommand = async (context: Context, source: string, flags: ExportFlags): Promise<void> => {
  const client = await createClient(context, flags, await openSession(context, flags));
  const document = source === '-' ? context.stdin : source;
  const receipt = await client.export(document, { idempotencyKey: flags.key, signal: context.signal });
  print(context, flags, receipt, receiptText(context, receipt));
};
