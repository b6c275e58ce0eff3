import { z } from 'zod';
import { CONFLICT_RULES, CONVERSIONS, type ConflictRule, type Conversion, OUTCOMES, type Receipt } from '../domain.ts';
import { failure } from './errors.ts';

/** Answers of the courier. Fields that a newer courier adds are kept, so that `--json` shows them. */
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
  sheet: z
    .looseObject({
      spreadsheetId: z.string(),
      tab: z.string(),
      range: z.string(),
      rows: z.number(),
      columnsAdded: z.array(z.string()),
    })
    .exactOptional(),
  account: z.string().exactOptional(),
  once: z.literal('instance').exactOptional(),
});

export const uploadSchema = z.looseObject({
  id: z.string().min(1),
  uploadUrl: z.url(),
  expiresTime: z.iso.datetime(),
  chunkGranularity: z.int().positive(),
});

/** A destination that the caller may write to, with its defaults. */
export interface DestinationSummary {
  /** The name to pass as `destination`. */
  name: string;
  /** Folder that files go to if the call names none; "" is the destination's own folder. */
  path?: string | undefined;
  /** What happens if the name is taken and the call has no `onConflict`. */
  onConflict?: ConflictRule | undefined;
  /** The Google format that files are converted to if the call has no `convertTo`; null or absent: none. */
  convertTo?: Conversion | null | undefined;
  /** Largest file that is accepted, in bytes. */
  maxBytes?: number | undefined;
}

/** One check of the doctor. */
export interface DoctorCheck {
  /** What was checked, e.g. `folder`. */
  check: string;
  /** `failed` if deliveries fail because of it. */
  result: 'passed' | 'warned' | 'failed' | 'skipped';
  /** What was found. */
  detail: string;
  /** What to do about it. */
  remedy?: string | undefined;
}

/** A finding of the doctor, with the names of the destinations that it concerns. */
export interface DoctorFinding extends DoctorCheck {
  /** Names of the destinations. */
  destinations: string[];
}

/** What the courier's doctor found. */
export interface DoctorReport {
  /** True when every destination works. */
  ok: boolean;
  /** What to act on, each finding once. Older couriers do not send it. */
  findings?: DoctorFinding[] | undefined;
  /** Every check, by the name of the destination. */
  destinations: Record<string, { ok: boolean; checks: DoctorCheck[] }>;
}

const destinationSchema = z.looseObject({
  name: z.string(),
  path: z.string().optional(),
  onConflict: z.enum(CONFLICT_RULES).optional(),
  convertTo: z.enum(CONVERSIONS).nullish(),
  maxBytes: z.number().optional(),
});
export const destinationsSchema: z.ZodType<DestinationSummary[]> = z
  .looseObject({ destinations: z.array(destinationSchema) })
  .transform(({ destinations }) => destinations);

const checkSchema = z.looseObject({
  check: z.string(),
  result: z.enum(['passed', 'warned', 'failed', 'skipped']),
  detail: z.string(),
  remedy: z.string().optional(),
});
export const doctorSchema: z.ZodType<DoctorReport> = z.looseObject({
  ok: z.boolean(),
  findings: z.array(checkSchema.extend({ destinations: z.array(z.string()) })).optional(),
  destinations: z.record(z.string(), z.looseObject({ ok: z.boolean(), checks: z.array(checkSchema) })),
});

const problemSchema = z.looseObject({
  code: z.string(),
  title: z.string(),
  detail: z.string().optional(),
  remedy: z.string(),
  retryable: z.boolean(),
  requestId: z.string().optional(),
});

const jsonOf = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
};

/** The problem document in an answer, if it has the courier's form. */
export const problemIn = (text: string): z.infer<typeof problemSchema> | undefined =>
  problemSchema.safeParse(jsonOf(text)).data;

/** @throws CourierClientError `not-a-courier` */
export const parseAnswer = <T>(schema: z.ZodType<T>, text: string): T => {
  const parsed = schema.safeParse(jsonOf(text));
  if (!parsed.success) throw failure('not-a-courier', { detail: 'The answer is not in the format of a courier.' });
  return parsed.data;
};
