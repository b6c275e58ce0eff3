import { z } from 'zod';
import { COLUMN_RULES, CONFLICT_RULES, CONVERSIONS, ROLLOVERS } from '../../domain.ts';
import { failure } from '../errors.ts';
import type { SendOptions } from '../send/send-options.ts';

/** The options of `courier send` for each file, by the names of its flags. */
const fileFlagsSchema = z.object({
  name: z.string().optional(),
  path: z.string().optional(),
  onConflict: z.enum(CONFLICT_RULES).optional(),
  convertTo: z.enum(CONVERSIONS).optional(),
  tab: z.string().optional(),
  columns: z.enum(COLUMN_RULES).optional(),
  dates: z.boolean().optional(),
  rollover: z.enum(ROLLOVERS).optional(),
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

/** The options for each file, and the key. */
export type FileFlags = Omit<SendOptions, 'idempotencyKey'> & { key?: string | undefined };

/** @throws CourierClientError `usage` */
export const readFileFlags = (flags: object): FileFlags => {
  const { property, ...rest } = fileFlagsSchema.parse(flags);
  return property === undefined ? rest : { ...rest, properties: propertiesOf(property) };
};

/** The options of `courier send` for several files. */
export const manyFlagsSchema = z.object({
  manifest: z.string().optional(),
  include: z.array(z.string()).optional(),
  exclude: z.array(z.string()).optional(),
  hidden: z.boolean().optional(),
  followSymlinks: z.boolean().optional(),
  concurrency: z.string().transform(Number).optional(),
  dryRun: z.boolean().optional(),
});
export type ManyFlags = z.infer<typeof manyFlagsSchema>;

/** True if an option is given that applies only to several files. */
export const hasManyFlags = (flags: ManyFlags): boolean => Object.values(flags).some((value) => value !== undefined);
