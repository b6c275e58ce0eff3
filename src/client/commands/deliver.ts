import { z } from 'zod';
import { CONFLICT_RULES, CONVERSIONS, type Receipt } from '../../domain.ts';
import { failure } from '../errors.ts';
import type { SendOptions } from '../send-options.ts';
import { type Context, clientOf, type GlobalOptions, print } from './context.ts';
import { createProgress } from './progress.ts';
import { sizeText } from './sizes.ts';

/** What `courier send` takes, by the names of its flags. */
const sendFlagsSchema = z.object({
  to: z.string().optional(),
  name: z.string().optional(),
  path: z.string().optional(),
  onConflict: z.enum(CONFLICT_RULES).optional(),
  convertTo: z.enum(CONVERSIONS).optional(),
  description: z.string().optional(),
  mimeType: z.string().optional(),
  key: z.string().optional(),
});

const receiptText = ({ outcome, name, size, destination, path, webViewLink, warnings = [] }: Receipt): string =>
  [
    `${outcome}: ${name} (${sizeText(size)}) in ${destination}${path === '' ? '' : `/${path}`}`,
    webViewLink,
    ...warnings.map((warning) => `warning: ${warning}`),
  ].join('\n');

const defined = <T extends object>(value: T) =>
  Object.fromEntries(Object.entries(value).filter(([, each]) => each !== undefined)) as {
    [K in keyof T]: Exclude<T[K], undefined>;
  };

/** `courier send FILE|-` */
export const sendCommand = async (context: Context, file: string, flags: GlobalOptions): Promise<void> => {
  const { to, key, ...rest } = sendFlagsSchema.parse(flags);
  const options: SendOptions = defined({ ...rest, destination: to, idempotencyKey: key });
  if (file === '-' && options.name === undefined) {
    throw failure('usage', { detail: 'Standard input has no name: give one with --name.' });
  }
  const client = await clientOf(context, flags);
  const progress = createProgress(flags.json ? { ...context, stderr: { write: () => true } } : context);
  try {
    const receipt = await client.send(file === '-' ? context.stdin : file, {
      ...options,
      signal: context.signal,
      onProgress: progress.show,
    });
    progress.end();
    print(context, flags, receipt, receiptText(receipt));
  } catch (error) {
    progress.end();
    throw error;
  }
};

export interface ExportFlags extends GlobalOptions {
  key?: string;
}

/** `courier export DOCUMENT`: a file with the document's JSON, the JSON itself, or `-`. Its bytes are forwarded as they are. */
export const exportCommand = async (context: Context, source: string, flags: ExportFlags): Promise<void> => {
  const client = await clientOf(context, flags);
  const document = source === '-' ? context.stdin : source;
  const receipt = await client.export(document, defined({ idempotencyKey: flags.key, signal: context.signal }));
  print(context, flags, receipt, receiptText(receipt));
};
