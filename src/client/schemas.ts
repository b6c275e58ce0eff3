import { z } from 'zod';
import { CONFLICT_RULES, CONVERSIONS, OUTCOMES, type Receipt } from '../domain.ts';
import { failure } from './errors.ts';

/** What the courier answers. Fields that a newer courier adds are kept, so that `--json` shows them. */
export const receiptSchema: z.ZodType<Receipt> = z.looseObject({
  id: z.string(),
  name: z.string(),
  mimeType: z.string(),
  size: z.number(),
  sha256: z.string().nullable(),
  md5: z.string().nullable(),
  destination: z.string(),
  path: z.string(),
  folderId: z.string(),
  webViewLink: z.string(),
  outcome: z.enum(OUTCOMES),
  createdTime: z.string(),
  modifiedTime: z.string(),
  caller: z.string(),
  idempotencyKey: z.string().nullable(),
  warnings: z.array(z.string()).exactOptional(),
  once: z.literal('instance').exactOptional(),
});

export const uploadSchema = z.looseObject({
  id: z.string().min(1),
  uploadUrl: z.url(),
  expiresTime: z.iso.datetime(),
  chunkGranularity: z.int().positive(),
});

const destinationSchema = z.looseObject({
  name: z.string(),
  path: z.string().optional(),
  onConflict: z.enum(CONFLICT_RULES).optional(),
  convertTo: z.enum(CONVERSIONS).nullish(),
  maxBytes: z.number().optional(),
});
export const destinationsSchema = z
  .looseObject({ destinations: z.array(destinationSchema) })
  .transform(({ destinations }) => destinations);

const checkSchema = z.looseObject({
  check: z.string(),
  result: z.enum(['passed', 'warned', 'failed', 'skipped']),
  detail: z.string(),
  remedy: z.string().optional(),
});
export const doctorSchema = z.looseObject({
  ok: z.boolean(),
  /** Absent in the answers of older couriers. */
  findings: z.array(checkSchema.extend({ destinations: z.array(z.string()) })).optional(),
  destinations: z.record(z.string(), z.looseObject({ ok: z.boolean(), checks: z.array(checkSchema) })),
});

export const problemSchema = z.looseObject({
  code: z.string(),
  title: z.string(),
  detail: z.string().optional(),
  remedy: z.string(),
  retryable: z.boolean(),
  requestId: z.string().optional(),
});

/** What a destination takes by default. */
export type DestinationSummary = z.infer<typeof destinationSchema>;
export type DoctorReport = z.infer<typeof doctorSchema>;

const jsonOf = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
};

/** The problem in an answer's body, if a courier wrote it. */
export const problemIn = (text: string): z.infer<typeof problemSchema> | undefined =>
  problemSchema.safeParse(jsonOf(text)).data;

/** @throws CourierClientError `not-a-courier` */
export const parseAnswer = <T>(schema: z.ZodType<T>, text: string): T => {
  const parsed = schema.safeParse(jsonOf(text));
  if (!parsed.success)
    throw failure('not-a-courier', { detail: 'The answer is not of the form that a courier gives.' });
  return parsed.data;
};
