import { readFile } from 'node:fs/promises';
import { text } from 'node:stream/consumers';
import { z } from 'zod';
import { CONFLICT_RULES, CONVERSIONS, type Receipt } from '../../delivery.ts';
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

const readDocument = async ({ stdin }: Context, source: string): Promise<Record<string, unknown>> => {
  const content =
    source === '-'
      ? await text(stdin)
      : await readFile(source, 'utf8').catch((error: NodeJS.ErrnoException) => {
          throw failure('file-unreadable', { detail: `${source}: ${error.code}` });
        });
  try {
    return z.record(z.string(), z.unknown()).parse(JSON.parse(content));
  } catch {
    throw failure('usage', { detail: `${source === '-' ? 'Standard input' : source} is not a JSON object.` });
  }
};

export interface ExportFlags extends GlobalOptions {
  key?: string;
}

/** The flag is for documents without a key. @throws CourierClientError `usage` where there are two */
const keyedDocument = (document: Record<string, unknown>, key: string | undefined): Record<string, unknown> => {
  if (key === undefined) return document;
  const { idempotencyKey = key } = document;
  if (idempotencyKey !== key)
    throw failure('usage', { detail: 'The document has an idempotencyKey other than --key.' });
  return { ...document, idempotencyKey };
};

/** `courier export DOCUMENT`: a file with the document's JSON, or `-`. */
export const exportCommand = async (context: Context, source: string, flags: ExportFlags): Promise<void> => {
  const document = keyedDocument(await readDocument(context, source), flags.key);
  const client = await clientOf(context, flags);
  const receipt = await client.export(document, { signal: context.signal });
  print(context, flags, receipt, receiptText(receipt));
};
