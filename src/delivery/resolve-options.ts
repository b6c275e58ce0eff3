import { createHash } from 'node:crypto';
import type { DestinationConfig, KeepRule } from '../config/schema/destination.ts';
import {
  type Caller,
  type ConflictRule,
  type Conversion,
  callerName,
  type Delivery,
  type DeliveryOptions,
  type FileDetails,
  type RowOptions,
} from '../domain.ts';
import type { CallContext, Drive, NewFile, UploadTarget } from '../drive/drive.ts';
import { pastMaxBytes } from '../drive/past-max-bytes.ts';
import { CourierError } from '../errors.ts';
import type { Ledger } from '../ledger/ledger.ts';
import type { Log } from '../log.ts';
import type { Sheets } from '../sheets/sheets.ts';
import type { Sleep } from '../sleep.ts';
import { segmentsOf, withSuffix } from '../text/file-name.ts';
import { specificType } from '../text/media-type.ts';
import type { TemplateValues } from '../text/template.ts';

export interface Folders {
  /**
   * Finds the folder of a path below a destination's folder, and creates what is missing of it.
   * @param context `fresh`: look at the folders again even if they were seen a moment ago
   */
  ensure(rootFolderId: string, path: string, context: CallContext & { fresh?: boolean }): Promise<{ folderId: string }>;
}

/** A configured destination, with the Drive that writes to it. */
export interface Destination {
  name: string;
  config: DestinationConfig;
  drive: Drive;
  folders: Folders;
  /** Fills the placeholders of a default of `name` or `path`. Undefined if neither has any. */
  render?: ((template: string, values: TemplateValues) => string) | undefined;
  /** The spreadsheets of the same account. Its code is loaded by the first call. */
  sheets(): Promise<Sheets>;
  /** Undefined if the destination has only one account. */
  accounts?: Accounts | undefined;
}

/** The accounts of a destination that has several, from the view of one. Each is the destination with another Drive. */
export interface Accounts<Each = Destination> {
  /** The name of this one's credentials. */
  readonly name: string;
  /** Private properties for a file that it creates, and for one whose bytes it replaces; see `asWriter`. */
  readonly marks: Readonly<Record<'creator' | 'writer', Readonly<Record<string, string>>>>;
  /** Its email, or the name of its credentials while that is unknown. */
  account(): string;
  all(): readonly Each[];
  /** The account of a plan; the first one, if it has none that the configuration still names. */
  of(plan: { credentials?: string | undefined }): Each;
  /** The account for a new file. @throws CourierError why Drive has refused all of them */
  choose(): Each;
  /** Whether another account takes new files at present. */
  hasOther(): boolean;
  /**
   * Leaves this account out for some time if Drive has refused an upload because of a quota of the account.
   * @returns the account to use instead; undefined for other errors, and if there is none
   */
  instead(error: unknown): Each | undefined;
}

/**
 * Finds the destination that a caller names, or its default one.
 * @param granted the destinations of a Pub/Sub subscription's list, which apply in place of `callers`
 * @throws CourierError `destination-forbidden` for unknown destinations as well as for forbidden ones
 */
export type Allow = (caller: Caller, named: string | undefined, granted?: readonly string[]) => Destination;

/** The request of a delivery, with the destination's defaults filled in. */
export interface ResolvedRequest {
  destination: Destination;
  /** When the first try began, in epoch milliseconds. Placeholders of the destination are filled with this time. */
  sinceMs: number;
  name: string;
  path: string;
  onConflict: ConflictRule;
  convertTo: Conversion | undefined;
  details: FileDetails;
  /** How rows go into a sheet. */
  rows: RowOptions;
}

/** What every step of a delivery works with. */
export interface DeliveryContext {
  request: ResolvedRequest;
  delivery: Delivery;
  ledger: Ledger;
  /** For calls to Drive. */
  context: CallContext;
  log: Log;
  /** Epoch milliseconds. */
  now: () => number;
  sleep: Sleep;
}

const detailsOf = (options: FileDetails): FileDetails => {
  const { description, createdTime, modifiedTime, properties, keepRevisionForever } = options;
  return { description, createdTime, modifiedTime, properties, keepRevisionForever };
};

/** Private properties for the retention of a destination: which rule a file falls under, where it was put, and when. */
export const KEEP_PROPERTIES = { rule: 'courierKeep', folder: 'courierFolder', time: 'courierAt' } as const;

/** Whether the segments of a path match a pattern: `*` stands for one folder, `**` for any number of them. */
const matchesSegments = ([first, ...rest]: readonly string[], path: readonly string[]): boolean => {
  if (first === undefined) return path.length === 0;
  if (first === '**') return path.some((_, at) => matchesSegments(rest, path.slice(at))) || matchesSegments(rest, []);
  return path.length > 0 && (first === '*' || first === path[0]) && matchesSegments(rest, path.slice(1));
};

/** The first rule for a path of the destination. */
export const keepRuleOf = ({ config }: Destination, path: string): KeepRule | undefined =>
  config.keep.find((rule) => matchesSegments(segmentsOf(rule.path), segmentsOf(path)));

/** Identifies the files of a rule by its pattern, so the numbers of the rule can be changed later. */
export const keepMark = ({ name }: Pick<Destination, 'name'>, { path }: KeepRule): string =>
  createHash('sha256')
    .update(JSON.stringify([name, path]))
    .digest('base64url')
    .slice(0, 32);

/** The time by Drive's clock, so that the marks of all instances have one order. */
const driveTime = ({ drive }: Pick<Destination, 'drive'>): string => new Date(drive.now()).toISOString();

/** The private properties of a file that is created now, for the retention of its destination. */
export const keepMarksOfNew = (
  { destination, path }: Pick<ResolvedRequest, 'destination' | 'path'>,
  folderId: string,
): Record<string, string> => {
  const rule = destination.config.keep.length === 0 ? undefined : keepRuleOf(destination, path);
  if (rule === undefined) return {};
  return {
    [KEEP_PROPERTIES.rule]: keepMark(destination, rule),
    [KEEP_PROPERTIES.folder]: folderId,
    [KEEP_PROPERTIES.time]: driveTime(destination),
  };
};

/** The private properties of a file that is created now: its account, and those for the retention of its destination. */
export const marksOfNew = (
  request: Pick<ResolvedRequest, 'destination' | 'path'>,
  folderId: string,
): Record<string, string> => ({ ...request.destination.accounts?.marks.creator, ...keepMarksOfNew(request, folderId) });

/** Those for the new content of a file: the other ones are only for files that the courier created. */
export const keepMarksOfExisting = ({ destination }: Pick<ResolvedRequest, 'destination'>): Record<string, string> =>
  destination.config.keep.length === 0 ? {} : { [KEEP_PROPERTIES.time]: driveTime(destination) };

type DetailsOfExisting = Pick<Extract<UploadTarget, { kind: 'replace' }>, Exclude<keyof FileDetails, 'createdTime'>>;

/** The caller's details for a file that exists: Drive lets `createdTime` be set only when a file is created. */
export const changeableDetails = ({ details }: Pick<ResolvedRequest, 'details'>): DetailsOfExisting => {
  const { createdTime: _, ...changeable } = details;
  return changeable;
};

type MarkedDetails = DetailsOfExisting & { appProperties?: Record<string, string> };

const withMarks = (request: ResolvedRequest, marks: Record<string, string>): MarkedDetails => ({
  ...changeableDetails(request),
  ...(Object.keys(marks).length === 0 ? {} : { appProperties: marks }),
});

/** The details for a file that exists and gets its new content now. */
export const detailsOfExisting = (request: ResolvedRequest): MarkedDetails =>
  withMarks(request, keepMarksOfExisting(request));

/** The details for a file whose bytes are replaced. */
export const detailsOfContent = (request: ResolvedRequest): MarkedDetails =>
  withMarks(request, { ...keepMarksOfExisting(request), ...request.destination.accounts?.marks.writer });

/** The details for a file that is created now. */
export const detailsOfNew = ({
  details,
  destination,
}: ResolvedRequest): Pick<NewFile, keyof FileDetails | 'addedTime'> => ({
  ...details,
  addedTime: details.createdTime && driveTime(destination),
});

/** The values of the placeholders in the destination's defaults. */
interface PlaceholderContext {
  caller: Caller;
  /** Epoch milliseconds of the first try, so that a retry after midnight still means the same folder. */
  sinceMs: number;
}

/** A default of the destination, with its placeholders filled in. */
export const fillTemplate = (
  template: string,
  { config, render }: Destination,
  { caller, sinceMs: nowMs }: PlaceholderContext,
): string => render?.(template, { nowMs, timeZone: config.timeZone, caller: callerName(caller) }) ?? template;

/** The folders of a request, or the default ones. Names of objects and of entries of archives have no placeholders. */
const pathOf = (
  destination: Destination,
  { path, pathTemplate = path === undefined ? destination.config.path : '' }: DeliveryOptions,
  asked: PlaceholderContext,
): string => fillTemplate(pathTemplate, destination, asked) + (path ?? pathTemplate).slice(pathTemplate.length);

const MAX_NAME_LENGTH = 255;

/** The default of the destination. @throws CourierError `name-invalid` without one */
const defaultName = (destination: Destination, asked: PlaceholderContext): string => {
  const { name: template } = destination.config;
  const name = template === undefined ? undefined : fillTemplate(template, destination, asked);
  if (name !== undefined && name.length <= MAX_NAME_LENGTH) return name;
  const detail =
    name === undefined ? 'name is missing.' : "The destination's default name is too long for this caller.";
  throw new CourierError('name-invalid', { detail });
};

/** Whether rows that are sent become rows of a sheet: they are appended, or replace the values of a tab. */
export const takesRows = ({
  convertTo,
  onConflict,
}: {
  convertTo: Conversion | null | undefined;
  onConflict: ConflictRule;
}): boolean => convertTo === 'sheet' && (onConflict === 'append' || onConflict === 'replace');

const ROW_OPTIONS = ['tab', 'columns', 'dates', 'rollover'] as const;

/** The options of rows that can also be used with `onConflict=replace`. */
const REPLACE_OPTIONS: readonly string[] = ['tab', 'dates'] satisfies (typeof ROW_OPTIONS)[number][];

/** Refuses options that only rows in a sheet have. @throws CourierError `request-invalid` */
const checkRowOptions = (options: DeliveryOptions, { onConflict, convertTo }: ResolvedRequest): void => {
  if (convertTo === 'sheet' && onConflict === 'append') return;
  const given = ROW_OPTIONS.filter((name) => options[name] !== undefined);
  const refused =
    convertTo === 'sheet' && onConflict === 'replace' ? given.filter((name) => !REPLACE_OPTIONS.includes(name)) : given;
  const option = onConflict === 'append' ? 'onConflict=append' : refused[0];
  if (option === undefined) return;
  const mayReplace = REPLACE_OPTIONS.includes(option) ? ' or replace' : '';
  const wanted = onConflict === 'append' ? 'convertTo=sheet' : `convertTo=sheet and onConflict=append${mayReplace}`;
  throw new CourierError('request-invalid', {
    detail: `${option} can only be used with ${wanted}.`,
    remedy: 'Rows are appended to a Google Sheet: send them with convertTo=sheet and onConflict=append.',
  });
};

/** The folder of a destination that has one. @throws CourierError `request-invalid` for one with a spreadsheet */
export const folderOf = ({ config: { folder } }: Pick<Destination, 'config'>): string => {
  if (folder !== null) return folder;
  throw new CourierError('request-invalid', {
    detail: 'The destination is a spreadsheet and takes only rows.',
    remedy: 'Send rows to POST /v1/files or POST /v1/exports, or name another destination.',
  });
};

/** The caller's options over the destination's defaults. @throws CourierError `request-invalid` */
export const resolveOptions = (
  destination: Destination,
  options: DeliveryOptions,
  asked: PlaceholderContext,
): ResolvedRequest => {
  const { tab, columns, dates, rollover } = options;
  const hasFolder = destination.config.spreadsheet === undefined;
  const resolved = {
    destination,
    sinceMs: asked.sinceMs,
    name: withSuffix(options.name ?? defaultName(destination, asked), options.suffix),
    path: hasFolder ? pathOf(destination, options, asked) : '',
    onConflict: options.onConflict ?? destination.config.onConflict,
    convertTo: options.convertTo ?? destination.config.convertTo ?? undefined,
    details: detailsOf(options),
    rows: { tab, columns, dates, rollover },
  };
  checkRowOptions(options, resolved);
  return resolved;
};

/**
 * The delivery with the bytes that the request needs: a sheet gets rows in which texts are unchanged. A media type that is
 * not known may follow from the name, also from a default one.
 */
export const withRows = (delivery: Delivery, { name, onConflict, convertTo }: ResolvedRequest): Delivery => {
  if (takesRows({ convertTo, onConflict }) && delivery.source.asRows !== undefined) {
    return { ...delivery, source: delivery.source.asRows };
  }
  if (delivery.options.name !== undefined) return delivery;
  return { ...delivery, source: { ...delivery.source, mimeType: specificType(delivery.source.mimeType, name) } };
};

/** Refuses a file whose announced size exceeds the destination's limit, before a byte of it is read. */
export const checkSize = (size: number | undefined, { config, name }: Destination): void => {
  if (size !== undefined && size > config.maxBytes) {
    throw pastMaxBytes(`The file has ${size} bytes; the limit of destination "${name}" is ${config.maxBytes} bytes.`);
  }
};
