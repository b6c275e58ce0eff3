import { z } from 'zod';
import { CONFLICT_RULES, CONVERSIONS } from '../../domain.ts';
import { fileName, folderPath } from '../../text/file-name.ts';
import { faultOfTemplate, isTimeZone } from '../../text/template.ts';
import { perCaller } from './per-caller.ts';
import { domain, email, principal } from './principal.ts';
import { sources } from './sources.ts';

const ID = /^[\w-]{3,128}$/;

const HOW_TO_FIND_IT =
  'use only the id, which comes after "folders/" and before any "?" in https://drive.google.com/drive/folders/ID';

/** The folder's id in a Drive URL; undefined if there is none. */
const idIn = (url: URL): string | undefined => {
  if (url.hostname !== 'drive.google.com') return undefined;
  // /drive/folders/ID, /drive/u/0/folders/ID, /drive/mobile/folders/ID, /drive/u/1/folders/ID/…; open?id=ID, folderview?id=ID
  const [, id] = /\/folders\/([\w-]+)/.exec(url.pathname) ?? [];
  return (
    id ??
    (/^\/(?:a\/[^/]+\/)?(?:open|folderview)$/.test(url.pathname)
      ? (url.searchParams.get('id') ?? undefined)
      : undefined)
  );
};

/** The id of a folder or shared drive, or its URL in Drive. */
const folderId = z.string().transform((text, context) => {
  if (ID.test(text)) return text;
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const id = url === undefined ? undefined : idIn(url);
  if (id !== undefined && ID.test(id)) return id;
  const message =
    url === undefined && !text.includes('/')
      ? 'is not a Drive folder id'
      : `is not a Drive folder id: ${HOW_TO_FIND_IT}`;
  context.addIssue({ code: 'custom', message });
  return z.NEVER;
});

/** The spreadsheet's id in a URL of Google Sheets or Drive. `/d/e/…` is the address of a published copy and has another id. */
const sheetIn = (url: URL): string | undefined => {
  if (url.hostname === 'docs.google.com') return /\/spreadsheets\/(?:u\/\d+\/)?d\/([\w-]{3,})/.exec(url.pathname)?.[1];
  if (url.hostname !== 'drive.google.com') return undefined;
  return /\/file\/d\/([\w-]+)/.exec(url.pathname)?.[1] ?? url.searchParams.get('id') ?? undefined;
};

/** The id of a spreadsheet, or its URL. */
const spreadsheetId = z.string().transform((text, context) => {
  if (ID.test(text)) return text;
  const id = URL.canParse(text) ? sheetIn(new URL(text)) : undefined;
  if (id !== undefined && ID.test(id)) return id;
  const message =
    'is not the id of a spreadsheet: use only the id, which comes after "/d/" in https://docs.google.com/spreadsheets/d/ID/edit';
  context.addIssue({ code: 'custom', message });
  return z.NEVER;
});

const role = z.enum(['reader', 'commenter', 'writer']);

const DAY_MS = 86_400_000;
const HOUR_MS = 3_600_000;

/**
 * A duration in weeks, days and hours (ISO 8601), as milliseconds. Months and years have no fixed length. Drive accepts
 * expiration times up to a year ahead (permissions, `expirationTime`).
 */
const duration = z.string().transform((text, context) => {
  const [, weeks, days, hours] = /^P(?!$)(?:(\d{1,4})W)?(?:(\d{1,4})D)?(?:T(\d{1,4})H)?$/.exec(text) ?? [];
  const [w, d, h] = [weeks, days, hours].map((digits) => Number(digits ?? 0)) as [number, number, number];
  const milliseconds = (w * 7 + d) * DAY_MS + h * HOUR_MS;
  if (milliseconds > 0 && milliseconds <= 365 * DAY_MS) return milliseconds;
  const message = 'is not a duration of up to 365 days in weeks, days and hours, like P30D, P2W or PT12H';
  context.addIssue({ code: 'custom', message });
  return z.NEVER;
});

const person = z
  .strictObject({
    type: z.enum(['user', 'group']),
    email,
    role,
    notify: z.boolean().default(false),
    message: z.string().min(1).max(2_000).optional(),
    expires: duration.optional(),
  })
  .refine(({ notify, message }) => notify || message === undefined, {
    path: ['message'],
    message: 'is part of the email, so it needs "notify: true"',
  });

const share = z.discriminatedUnion('type', [
  person,
  z.strictObject({ type: z.literal('domain'), domain, role }),
  z.strictObject({ type: z.literal('anyone'), role }),
]);
export type ShareConfig = z.infer<typeof share>;

const labelText = z.union([z.string().min(1).max(100), z.strictObject({ property: z.string().min(1).max(123) })]);

/** The value of a label's field: text, a whole number, or the kind of the field with its value or the property that has it. */
const labelValue = z.union([
  z
    .string()
    .min(1)
    .max(100)
    .transform((text) => ({ text })),
  z.int().transform((integer) => ({ integer: String(integer) })),
  z.strictObject({ text: labelText }),
  z.strictObject({ integer: z.union([z.int().transform(String), labelText]) }),
  z.strictObject({ date: labelText }),
  z.strictObject({ selection: labelText }),
  z.strictObject({ user: labelText }),
]);
export type LabelValue = z.infer<typeof labelValue>;

const labelId = z.string().regex(/^[\w-]{1,100}$/, 'is not the id of a label');
const labelFields = z.record(z.string().regex(/^[\w-]{1,100}$/, 'is not the id of a field'), labelValue);

/** The fields of labels by their ids; a label that is not required in the long form, with its fields below `fields`. */
const labels = z.record(
  labelId,
  z.union([
    z
      .strictObject({ required: z.boolean(), fields: labelFields.default({}) })
      .transform(({ required, fields }) => ({ required, fields })),
    labelFields.transform((fields) => ({ required: true, fields })),
  ]),
);

const keepRule = z
  .strictObject({
    path: z.string().max(1_000).default('**'),
    last: z.int().min(1).max(10_000).optional(),
    days: z.int().min(1).max(36_500).optional(),
  })
  .refine(({ last, days }) => last !== undefined || days !== undefined, 'needs "last", "days" or both');
export type KeepRule = z.infer<typeof keepRule>;

/** The default of `path`, which may have placeholders. */
const pathTemplate = folderPath.superRefine((text, context) => {
  const message = faultOfTemplate(text);
  if (message !== undefined) context.addIssue({ code: 'custom', message });
});

/** The default for `name`. It may contain placeholders, but no slash: folders belong in `path`. */
const nameTemplate = fileName.superRefine((text, context) => {
  const message = faultOfTemplate(text);
  if (message !== undefined) context.addIssue({ code: 'custom', message });
});

/** The names of one or several entries of `credentials`, as a list. */
const credentials = z
  .union([z.string(), z.array(z.string()).max(100)], {
    error: ({ input }) => (input === undefined ? 'is missing' : 'is not a name, or a list of names, of "credentials"'),
  })
  .transform((names) => (typeof names === 'string' ? [names] : names))
  .refine((names) => names.length > 0, 'is empty: name at least one entry of "credentials"')
  .refine((names) => new Set(names).size === names.length, 'names the same credentials twice');

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** A destination with a spreadsheet has no folder, and takes nothing but rows. */
const withSheetDefaults = (value: unknown): unknown =>
  isRecord(value) && value.spreadsheet !== undefined
    ? { folder: null, convertTo: 'sheet', onConflict: 'append', ...value }
    : value;

/** Settings of files that the courier creates, with the values that have no effect. A spreadsheet is created by a person. */
const OF_NEW_FILES = {
  path: '',
  share: [],
  readOnly: false,
  noDownload: false,
  copyRequiresWriterPermission: false,
  writersCanShare: true,
  labels: {},
  keep: [],
} as const;

interface MaybeSheet extends Record<keyof typeof OF_NEW_FILES, unknown> {
  folder: string | null;
  spreadsheet?: string | undefined;
  onConflict: string;
  convertTo: string | null;
}

/** Why a destination's folder, spreadsheet and other settings cannot be combined. */
const checkSpreadsheet = (given: MaybeSheet, context: z.RefinementCtx<unknown>): void => {
  const fault = (key: string, message: string): void =>
    context.addIssue({ code: 'custom', path: [key], message, input: given });
  const { folder, spreadsheet, onConflict, convertTo } = given;
  if (spreadsheet === undefined) {
    if (folder === null) fault('folder', 'is missing');
    return;
  }
  if (folder !== null) fault('spreadsheet', 'cannot be combined with "folder": set exactly one of the two');
  if (convertTo !== 'sheet') fault('convertTo', 'must be "sheet" (or left out) together with "spreadsheet"');
  if (onConflict !== 'append' && onConflict !== 'replace') {
    fault('onConflict', 'must be "append" (the default) or "replace" together with "spreadsheet"');
  }
  for (const [key, none] of Object.entries(OF_NEW_FILES)) {
    if (JSON.stringify(given[key as keyof typeof OF_NEW_FILES]) !== JSON.stringify(none)) {
      fault(key, 'cannot be combined with "spreadsheet": it applies to files that the courier creates');
    }
  }
};

const inFolder = z
  .strictObject({
    /** Null for a destination with a spreadsheet. */
    folder: folderId.nullable(),
    spreadsheet: spreadsheetId.optional(),
    credentials,
    callers: z.array(principal).min(1, 'is empty: list at least one caller'),
    name: nameTemplate.optional(),
    path: pathTemplate.default(''),
    timeZone: z.string().refine(isTimeZone, 'is not an IANA time zone, such as Europe/Berlin').default('UTC'),
    onConflict: z.enum(CONFLICT_RULES).default('new'),
    convertTo: z.enum(CONVERSIONS).nullable().default(null),
    sources,
    share: z.array(share).default([]),
    readOnly: z.boolean().default(false),
    noDownload: z.union([z.boolean(), z.literal('everyone')]).default(false),
    copyRequiresWriterPermission: z.boolean().default(false),
    writersCanShare: z.boolean().default(true),
    labels: labels.default({}),
    keep: z.union([keepRule.transform((rule) => [rule]), z.array(keepRule)]).default([]),
    allowAnyone: z.boolean().default(false),
    maxBytes: z.int().positive().max(5_497_558_138_880).default(5_497_558_138_880),
    perCaller: perCaller.optional(),
  })
  .refine(({ share, allowAnyone }) => allowAnyone || share.every(({ type }) => type !== 'anyone'), {
    path: ['share'],
    // Also if there are other faults.
    when: ({ value }) =>
      z.looseObject({ share: z.array(z.looseObject({})) }).safeParse(value, { jitless: true }).success,
    message:
      'shares every file with anyone on the internet. If you want that, set "allowAnyone: true" on this destination',
  })
  .superRefine(checkSpreadsheet);

/** A destination in Drive: who may write there, with which credentials, and with which defaults. */
export const destination = z.preprocess(withSheetDefaults, inFolder);
export type DestinationConfig = z.infer<typeof destination>;
