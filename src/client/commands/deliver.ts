import { z } from 'zod';
import { CONFLICT_RULES, CONVERSIONS, type Receipt } from '../../domain.ts';
import { failure } from '../errors.ts';
import type { SendOptions } from '../send-options.ts';
import { type Context, createClient, type GlobalOptions, openSession, outColors, print } from './context.ts';
import { createProgress } from './progress.ts';
import { sizeText } from './sizes.ts';

/** The options of `courier send`, by the names of its flags. */
const sendFlagsSchema = z.object({
  name: z.string().optional(),
  path: z.string().optional(),
  onConflict: z.enum(CONFLICT_RULES).optional(),
  convertTo: z.enum(CONVERSIONS).optional(),
  description: z.string().optional(),
  modifiedTime: z.string().optional(),
  createdTime: z.string().optional(),
  preserveTimes: z.boolean().optional(),
  property: z.array(z.string()).optional(),
  keepRevisionForever: z.boolean().optional(),
  mimeType: z.string().optional(),
  key: z.string().optional(),
});

/** The properties of `--property KEY=VALUE`, which may be repeated. @throws CourierClientError `usage` */
const propertiesOf = (pairs: readonly string[]): Record<string, string> => {
  const properties = new Map<string, string>();
  for (const pair of pairs) {
    const equals = pair.indexOf('=');
    const key = pair.slice(0, Math.max(0, equals));
    if (key === '') throw failure('usage', { detail: `--property ${JSON.stringify(pair)} is not KEY=VALUE.` });
    if (properties.has(key)) throw failure('usage', { detail: `--property ${JSON.stringify(key)} is given twice.` });
    properties.set(key, pair.slice(equals + 1));
  }
  return Object.fromEntries(properties);
};

const receiptText = (context: Context, receipt: Receipt): string => {
  const { outcome, name, size, destination, path, webViewLink, warnings = [] } = receipt;
  const { green, yellow } = outColors(context);
  return [
    `${green(`${outcome}:`)} ${name} (${sizeText(size)}) in ${destination}${path === '' ? '' : `/${path}`}`,
    webViewLink,
    ...warnings.map((warning) => `${yellow('warning:')} ${warning}`),
  ].join('\n');
};

/** `courier send FILE|-` */
export const sendCommand = async (context: Context, file: string, flags: GlobalOptions): Promise<void> => {
  const { key, property, ...rest } = sendFlagsSchema.parse(flags);
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
    ...(property === undefined ? {} : { properties: propertiesOf(property) }),
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
