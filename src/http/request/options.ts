import { z } from 'zod';
import { COLUMN_RULES, CONFLICT_RULES, CONVERSIONS, MAX_TAB_LENGTH, ROLLOVERS } from '../../domain.ts';
import { CourierError, ERRORS, type ErrorCode } from '../../errors.ts';
import { rejectEqualKeys } from '../../exports/json/exact-json.ts';
import { withoutMark } from '../../text/unicode/byte-order-mark.ts';
import { fileName, folderPath } from '../../text/file-name.ts';
import { readStoredType } from '../../text/media-type.ts';
import { inputFaults, quoted } from './input-faults.ts';

const MAX_DESCRIPTION_LENGTH = 4096;

/** https://developers.google.com/workspace/drive/api/guides/properties, "Limitations on custom properties". */
const MAX_PROPERTIES = 30;
/** UTF-8, of a property's key and value together. */
const MAX_PROPERTY_BYTES = 124;

/** In a query, a "+" that is not percent-encoded is a space. */
const SPACE_FOR_PLUS = /\d \d\d:\d\d$/;

/** A time with its time zone (RFC 3339), converted to UTC and milliseconds, as Drive keeps it. */
const fileTime = z.iso
  .datetime({
    offset: true,
    error: ({ input }) =>
      typeof input === 'string' && SPACE_FOR_PLUS.test(input)
        ? 'has a space before the offset: write the "+" of a time zone as "%2B" in a query'
        : 'is not a time with a time zone, like 2026-11-24T12:00:00Z',
  })
  .transform((text) => new Date(text).toISOString())
  // An offset can lead out of the years that have four digits.
  .refine((text) => /^\d{4}-/.test(text), 'is not in the years 0000 to 9999 of UTC');

const faultOfProperty = ([key, value]: [string, string]): string | undefined => {
  if (key === '') return 'has an empty key';
  if (!key.isWellFormed() || !value.isWellFormed()) return 'is not well-formed Unicode (a lone surrogate)';
  const bytes = Buffer.byteLength(key) + Buffer.byteLength(value);
  return bytes > MAX_PROPERTY_BYTES
    ? `has ${bytes} bytes of UTF-8 in ${quoted(key)} and its value; Drive’s limit is ${MAX_PROPERTY_BYTES}`
    : undefined;
};

/** Refuses a key that zod's records leave out without an error, so that no property is lost silently. */
const rejectPrototypeKey = (properties: unknown, context: z.RefinementCtx): unknown => {
  if (typeof properties !== 'object' || properties === null || !Object.hasOwn(properties, '__proto__'))
    return properties;
  context.addIssue({ code: 'custom', message: 'cannot have the key "__proto__"' });
  return z.NEVER;
};

/** Public properties of a file, within Drive's limits. */
const fileProperties = z.preprocess(
  rejectPrototypeKey,
  z.record(z.string(), z.string()).superRefine((properties, context) => {
    const entries = Object.entries(properties);
    const fault =
      entries.length > MAX_PROPERTIES
        ? `has ${entries.length} properties; Drive’s limit is ${MAX_PROPERTIES}`
        : entries.map(faultOfProperty).find((found) => found !== undefined);
    if (fault !== undefined) context.addIssue({ code: 'custom', message: fault });
  }),
);

const PROPERTIES = 'The file’s public properties: up to 30, each of up to 124 bytes of UTF-8 in its key and value.';
const KEEP_REVISION = 'Drive keeps this revision until it is deleted, instead of for 30 days.';

const DATES = 'With convertTo=sheet: dates and times in ISO 8601 become date cells.';

/** Options of rows that go into a sheet. */
const rowShape = {
  tab: z
    .exactOptional(
      z
        .string()
        .trim()
        .min(1)
        .max(MAX_TAB_LENGTH)
        .refine((text) => text.isWellFormed(), 'is not well-formed Unicode (a lone surrogate)'),
    )
    .meta({
      description:
        'With convertTo=sheet: the name of the tab for the rows, which is created if missing. Default: the first tab.',
    }),
  columns: z.exactOptional(z.enum(COLUMN_RULES)).meta({
    description: 'With convertTo=sheet: whether columns that the tab lacks are added ("extend") or refused ("strict").',
  }),
  dates: z.exactOptional(z.boolean()).meta({ description: DATES }),
  rollover: z.exactOptional(z.enum(ROLLOVERS)).meta({
    description:
      'With convertTo=sheet and onConflict=append: "monthly" puts the rows of each month (UTC) into a tab of its own.',
  }),
};

/** The options of a delivery. They are the same in a query, a form and JSON. */
export const optionShape = {
  destination: z
    .exactOptional(
      z
        .string()
        .min(1)
        .max(64)
        .refine(
          (text) => !/^https?:/i.test(text),
          'is a URL; send the name of a destination, not its folder’s address',
        ),
    )
    .meta({
      description: 'A name from GET /v1/destinations. Default: the only destination, or the one named "default".',
    }),
  name: z.exactOptional(fileName).meta({
    description:
      'The name of the file: 1 to 255 characters, without control characters, "/" and "\\". Required unless the destination has a default.',
  }),
  path: z
    .exactOptional(folderPath)
    .meta({ description: 'Folders below the destination’s folder, separated by "/". Missing ones are created.' }),
  onConflict: z
    .exactOptional(z.enum(CONFLICT_RULES))
    .meta({ description: 'What to do if the folder has a file of this name.' }),
  convertTo: z
    .exactOptional(z.enum(CONVERSIONS))
    .meta({ description: 'Converts the file to Google Sheets, Docs or Slides.' }),
  ...rowShape,
  description: z.exactOptional(
    z
      .string()
      .refine((text) => text.isWellFormed(), 'is not well-formed Unicode (a lone surrogate)')
      .refine(
        (text) => text.length <= 2 * MAX_DESCRIPTION_LENGTH && [...text].length <= MAX_DESCRIPTION_LENGTH,
        `has more than ${MAX_DESCRIPTION_LENGTH} characters`,
      )
      .meta({ description: 'The file’s description in Drive, up to 4,096 characters.' }),
  ),
  modifiedTime: z
    .exactOptional(fileTime)
    .meta({ description: 'When the file was last modified. Default: the time of the delivery.' }),
  createdTime: z.exactOptional(fileTime).meta({
    description: 'When the file was created. Default: the time of the delivery. A file that is replaced keeps its own.',
  }),
  properties: z.exactOptional(fileProperties).meta({ description: PROPERTIES }),
  keepRevisionForever: z.exactOptional(z.boolean()).meta({ description: KEEP_REVISION }),
};

/** The same options where every value is text: in a query, a form, and the attributes of a Pub/Sub message. */
export const textOptionShape = {
  ...optionShape,
  properties: z.exactOptional(
    z
      .string()
      .transform((given, context) => {
        // A form field may be read from a file.
        const text = withoutMark(given);
        try {
          const parsed: unknown = JSON.parse(text);
          rejectEqualKeys(text);
          return parsed;
        } catch (error) {
          const message =
            error instanceof CourierError ? 'has a key twice' : 'is not a JSON object, like {"order":"1234"}';
          context.addIssue({ code: 'custom', message });
          return z.NEVER;
        }
      })
      .pipe(fileProperties)
      .meta({ description: `${PROPERTIES} A JSON object: {"order":"1234"}.`, contentMediaType: 'application/json' }),
  ),
  keepRevisionForever: z
    .exactOptional(z.enum(['true', 'false']).transform((text) => text === 'true'))
    .meta({ description: KEEP_REVISION }),
  dates: z.exactOptional(z.enum(['true', 'false']).transform((text) => text === 'true')).meta({ description: DATES }),
};

export const deliveryOptions = z.strictObject(textOptionShape);

/** The values of `?unpack=`: the archives whose entries can be delivered as files. */
export const UNPACK_FORMATS = ['zip', 'tar.gz'] as const;

/** A media type as an option. The rules are the same as for a Content-Type header. */
export const mimeTypeOption = z
  .string()
  .transform((text, context) => {
    const stored = readStoredType(text);
    if ('type' in stored) return stored.type;
    context.addIssue({ code: 'custom', message: stored.fault });
    return z.NEVER;
  })
  .meta({
    description: 'For example "text/csv" or "text/csv; charset=utf-8". Parameters other than charset are dropped.',
  });

/** A SHA-256 in hex, converted to lower case. */
export const sha256Option = z
  .string()
  .toLowerCase()
  .regex(/^[\da-f]{64}$/, 'is not a SHA-256 in hex')
  // For the OpenAPI document: callers may send either case.
  .meta({ pattern: '^[\\dA-Fa-f]{64}$' });

const isCode = (code: unknown): code is ErrorCode => typeof code === 'string' && Object.hasOwn(ERRORS, code);

/** The remedy of an issue that has one of its own, if it is the only one. The remedy of a code is about its usual cause. */
const remedyOf = ([issue, ...others]: readonly z.core.$ZodIssue[]): string | undefined => {
  if (issue?.code !== 'custom' || others.length > 0) return undefined;
  const remedy: unknown = issue.params?.remedy;
  return typeof remedy === 'string' ? remedy : undefined;
};

/**
 * Parses the input of a caller. The error lists everything that is invalid.
 * @throws CourierError `name-invalid`, `path-invalid`, else `request-invalid`
 */
export const parseInput = <Schema extends z.ZodType>(schema: Schema, input: unknown): z.output<Schema> => {
  const parsed = schema.safeParse(input, { reportInput: true });
  if (parsed.success) return parsed.data;
  const codes = parsed.error.issues.map((issue) => {
    const code: unknown = issue.code === 'custom' ? issue.params?.code : undefined;
    if (isCode(code)) return code;
    return issue.path[0] === 'name' && issue.path.length === 1 ? 'name-invalid' : 'request-invalid';
  });
  const [first = 'request-invalid'] = codes;
  const code = codes.every((other) => other === first) ? first : 'request-invalid';
  const { issues } = parsed.error;
  throw new CourierError(code, { detail: inputFaults(parsed.error), remedy: remedyOf(issues) });
};

/** Collects options by name, and rejects one that occurs twice. */
export const gatherOptions = (pairs: Iterable<readonly [string, string]>): Record<string, string> => {
  const options = new Map<string, string>();
  for (const [name, value] of pairs) {
    if (options.has(name)) throw new CourierError('request-invalid', { detail: `${quoted(name)} is given twice.` });
    options.set(name, value);
  }
  return Object.fromEntries(options);
};
