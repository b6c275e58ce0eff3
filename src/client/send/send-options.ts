import { randomUUID } from 'node:crypto';
import { types } from 'node:util';
import type { ColumnRule, ConflictRule, Conversion, Rollover } from '../../domain.ts';
import { mediaTypeByName, readStoredType, UNKNOWN_TYPE } from '../../text/media-type.ts';
import { failure } from '../errors.ts';
import type { FileTimes } from './input.ts';

/** How much of a file has been sent. */
export interface SendProgress {
  /** Bytes sent so far. The number decreases when bytes must be sent again. */
  sentBytes: number;
  /** Bytes in total; undefined for a stream of unknown length. */
  totalBytes: number | undefined;
}

/** Options of `send`. The destination has defaults for those that you leave out. */
export interface SendOptions {
  /** Name of a destination. Default: the caller's only one, else `default`. */
  destination?: string | undefined;
  /** Name of the file in Drive, 1 to 255 characters. Default: the name of the file that is sent; a stream has none. */
  name?: string | undefined;
  /** Folders below the destination's folder, separated by "/". Missing folders are created. */
  path?: string | undefined;
  /** What to do if the name is taken: another file (`new`), `replace`, `skip`, `fail` with the error `name-taken`, or `append` rows. */
  onConflict?: ConflictRule | undefined;
  /** Google format to convert the file to. */
  convertTo?: Conversion | undefined;
  /** With `convertTo: 'sheet'` and `onConflict: 'append'` or `'replace'`: name of the tab for the rows. Default: the first tab. */
  tab?: string | undefined;
  /** Whether columns that the tab lacks are added (`extend`) or refused (`strict`). Default: `extend`. */
  columns?: ColumnRule | undefined;
  /** Dates and times in ISO 8601 become date cells. Default: they stay texts. */
  dates?: boolean | undefined;
  /** `monthly`: the rows of each month (UTC) go into a tab of their own. */
  rollover?: Rollover | undefined;
  /** Description of the file in Drive. */
  description?: string | undefined;
  /** When the file was last modified; text has a time zone (RFC 3339). Default: the time of the delivery. */
  modifiedTime?: Date | string | undefined;
  /** When the file was created. A file that is replaced keeps its own. Default: the time of the delivery. */
  createdTime?: Date | string | undefined;
  /** Sends the times of the file on disk, unless you pass others. Bytes and streams have none. Years have four digits; other times are left out. */
  preserveTimes?: boolean | undefined;
  /** Public properties of the file in Drive: up to 30, each of up to 124 bytes of UTF-8 in its key and value. */
  properties?: Readonly<Record<string, string>> | undefined;
  /** Drive keeps this revision until it is deleted, instead of for 30 days. */
  keepRevisionForever?: boolean | undefined;
  /** Media type, such as `text/csv`. Default: derived from the name. */
  mimeType?: string | undefined;
  /**
   * 1 to 255 visible ASCII characters. Sending again with the same key returns the same file instead of creating another.
   * Default: a new key for each call, which covers the client's own retries.
   */
  idempotencyKey?: string | undefined;
  /** Called while bytes are sent. */
  onProgress?: ((progress: SendProgress) => void) | undefined;
  /** Stops the call with the error `stopped`. A large upload can be resumed by the same call. */
  signal?: AbortSignal | undefined;
}

/** The options with the client's defaults filled in. */
export interface ResolvedOptions extends SendOptions {
  modifiedTime?: string | undefined;
  createdTime?: string | undefined;
  name: string;
  mimeType: string;
  idempotencyKey: string;
  /** True when the caller gave the key. */
  hasGivenKey: boolean;
}

const usage = (detail: string) => failure('usage', { detail });

/** @throws CourierClientError `usage` for a key that no courier accepts */
export const checkedKey = (key: string | undefined): string | undefined => {
  if (key !== undefined && !/^[\x21-\x7e]{1,255}$/.test(key)) {
    throw usage('An Idempotency-Key has 1 to 255 visible ASCII characters.');
  }
  return key;
};

/** In a URL, a lone surrogate would silently become another character. */
const rejectIllFormed = (options: Readonly<Record<string, unknown>>): void => {
  for (const [option, value] of Object.entries(options)) {
    if (typeof value === 'string' && !value.isWellFormed()) {
      throw usage(`${option} is not well-formed Unicode (a lone surrogate).`);
    }
  }
};

/** @throws CourierClientError `usage` for a value that a header cannot contain, or that changes how the body is read */
const checkedType = (mimeType: string): string => {
  if (!/^[\x20-\x7e]+$/.test(mimeType)) throw usage('A media type has visible ASCII characters only.');
  const stored = readStoredType(mimeType);
  if ('fault' in stored) throw usage(`The media type ${JSON.stringify(mimeType)} ${stored.fault}.`);
  return stored.type;
};

/** Derived from the name in Drive, else from that of the sent file: `sales.csv` with `--name "Sales 2026"` is still a CSV. */
const typeByNames = (...names: (string | undefined)[]): string =>
  names.map((name) => mediaTypeByName(name ?? '')).find((type) => type !== UNKNOWN_TYPE) ?? UNKNOWN_TYPE;

const timeText = (time: Date | string | undefined): string | undefined => {
  if (!types.isDate(time)) return time;
  if (Number.isNaN(time.getTime())) throw usage('A time is not a valid Date.');
  return time.toISOString();
};

const resolveTimes = ({ modifiedTime, createdTime, preserveTimes }: SendOptions, times: FileTimes | undefined) => {
  if (preserveTimes === true && times === undefined) {
    throw usage('The input has no times of its own to preserve; only files have.');
  }
  const own = preserveTimes === true ? times : undefined;
  return {
    modifiedTime: timeText(modifiedTime ?? own?.modified),
    createdTime: timeText(createdTime ?? own?.created),
  };
};

/** How rows go into a sheet, by the names of the courier's options. */
export const rowOptionsOf = ({ tab, columns, dates, rollover }: ResolvedOptions) => ({
  tab,
  columns,
  rollover,
  dates: dates?.toString(),
});

/** The details of the file, by the names of the courier's options. */
export const detailsOf = (options: ResolvedOptions) => ({
  description: options.description,
  modifiedTime: options.modifiedTime,
  createdTime: options.createdTime,
  properties: options.properties,
  keepRevisionForever: options.keepRevisionForever,
});

/**
 * @param source the name and the times of the file that is sent
 * @throws CourierClientError `usage`
 */
export const resolveOptions = (
  options: SendOptions,
  { name: sourceName, times }: { name: string | undefined; times?: FileTimes | undefined },
): ResolvedOptions => {
  const name = options.name ?? sourceName;
  if (name === undefined) throw usage('The input has no name of its own. Pass one (--name).');
  if (name === '') throw usage('The name of the file is empty.');
  const { destination, path, description } = options;
  rejectIllFormed({ name, destination, path, description });
  rejectIllFormed(Object.fromEntries(Object.entries(options.properties ?? {}).map((pair) => [pair[0], pair.join('')])));
  const idempotencyKey = checkedKey(options.idempotencyKey);
  return {
    ...options,
    ...resolveTimes(options, times),
    name,
    mimeType: checkedType(options.mimeType ?? typeByNames(name, sourceName)),
    idempotencyKey: idempotencyKey ?? randomUUID(),
    hasGivenKey: idempotencyKey !== undefined,
  };
};
