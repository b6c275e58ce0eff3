/** A scenario: deliveries, acts of a person, and the initial state. It can be written as one line of text. */

/** The name of the file that all deliveries write. */
export const FILE_NAME = 'report.csv';

export const RULES = ['new', 'replace', 'skip', 'fail'] as const;
/** `append`: only for rows. */
type Rule = (typeof RULES)[number] | 'append';

/**
 * `sheet`: a small file that Drive converts to Google Sheets. `rows`: rows that the courier writes into a sheet, with the rule
 * `append` or `replace`; `batches`: so many that appending them takes several changes.
 */
const SIZES = ['small', 'large', 'sheet', 'rows', 'batches'] as const;
type Size = (typeof SIZES)[number];

/**
 * `push`: a source with an identity that can be read from any offset; `upload`: an upload session that is completed with a
 * digest; `blind`: an upload session that is completed without a digest; `zip`: an archive that the courier unpacks, with an
 * entry for each letter of the bytes.
 */
const WAYS = ['plain', 'push', 'upload', 'blind', 'zip'] as const;
type Way = (typeof WAYS)[number];

/** The existing file of the name: none, created by a person, or delivered earlier with another key. */
export const BASES = ['none', 'hand', 'delivered'] as const;
/** `spreadsheet`: a person has created a spreadsheet, and it is the destination. */
type Base = (typeof BASES)[number] | 'spreadsheet';

export const ACTS = ['rename', 'move', 'trash', 'untrash', 'edit', 'delete', 'put', 'trash-folder', 'unshare'] as const;
/** Acts of chosen scenarios only: `put-sheet` puts a spreadsheet of the name where conversions make theirs. */
const CHOSEN_ACTS = ['move-folder', 'put-sheet'] as const;
/** What a person does to the cells and tabs of a spreadsheet. `move-tab`: another tab is the first one afterwards. */
export const SHEET_ACTS = [
  'edit-cell',
  'type-row',
  'insert-row',
  'delete-row',
  'sort',
  'rename-tab',
  'move-tab',
  'hide-tab',
  'delete-tab',
] as const;
export type SheetAct = (typeof SHEET_ACTS)[number];
export type Act = (typeof ACTS)[number] | (typeof CHOSEN_ACTS)[number] | SheetAct;

/**
 * Settings of the destination. `accounts`: it has two accounts, and Drive may refuse an upload because of a quota of one.
 * `my-drive`: its folder is in a person's My Drive, where each file belongs to the account that created it. `keep`: only the
 * newest file is kept. `share`: new files are shared with an auditor.
 */
export const SETTINGS = ['accounts', 'my-drive', 'keep', 'share'] as const;
type Setting = (typeof SETTINGS)[number];

/** One sender. It makes up to `tries` attempts while faults can happen, and more after that. */
export interface DeliverySpec {
  /** Undefined: no Idempotency-Key. It includes the caller, because keys are separate for each: `k1@b` is the key k1 of the caller b. */
  key: string | undefined;
  /** Who sends it; "" for the first caller. */
  caller: string;
  /** A letter that determines the bytes. */
  bytes: string;
  rule: Rule;
  size: Size;
  way: Way;
  /** The courier process that receives it. */
  process: string;
  tries: number;
  /** The tab for rows. Undefined: the first one. */
  tab?: string;
}

export interface Scenario {
  deliveries: readonly DeliverySpec[];
  person: readonly Act[];
  base: Base;
  /** The path below the destination's folder. */
  path: string;
  /** Drive's search finds a new file only after some seconds. */
  lag: boolean;
  /** The destination makes its files read-only. */
  isReadOnly: boolean;
  /** The destination limits what each caller may deliver at the same time, and in a minute. */
  isLimited: boolean;
  settings: readonly Setting[];
  /** Sheets accepts a second mark with the same id, which its documentation says it does not. */
  acceptsSameIds: boolean;
}

const deliveryText = ({ key, caller, bytes, rule, size, way, process, tries, tab }: DeliverySpec): string => {
  const words = [key ?? withCaller('-', caller), bytes, rule, size, way, process, tries];
  return [...words, ...(tab === undefined ? [] : [`tab=${tab}`])].join(':');
};

/** A key of a caller, as scenarios have it. */
export const withCaller = (key: string, caller: string): string => (caller === '' ? key : `${key}@${caller}`);

/** The courier writes the rows of the delivery into a sheet. */
export const isRows = ({ size }: Pick<DeliverySpec, 'size'>): boolean => size === 'rows' || size === 'batches';

export const hasRows = ({ deliveries }: Pick<Scenario, 'deliveries'>): boolean => deliveries.some(isRows);

/** How much the clock of a process is ahead, in milliseconds: the clock of "p2+5m" is five minutes fast. */
export const skewOf = (process: string): number => Number(/([+-]\d+)m$/.exec(process)?.[1] ?? 0) * 60_000;

/** The caller sends the bytes directly to Drive, at any time. */
export const isSession = ({ way }: Pick<DeliverySpec, 'way'>): boolean => way === 'upload' || way === 'blind';

/** Errors whose remedy is to open the upload again. */
export const OPEN_AGAIN: readonly string[] = ['upload-incomplete', 'digest-mismatch'];

/**
 * `KEY@CALLER:BYTES:RULE:SIZE:WAY:PROCESS:TRIES[:tab=TAB],…;ACT,…;BASE;PATH`, and flags and settings such as `;lag` or
 * `;limits+keep`.
 */
export const scenarioText = ({ deliveries, person, base, path, settings, ...flagged }: Scenario): string => {
  const { lag, isReadOnly, isLimited, acceptsSameIds } = flagged;
  const set = { lag, 'read-only': isReadOnly, limits: isLimited, 'same-ids': acceptsSameIds };
  const flags = [...Object.entries(set).flatMap(([flag, isSet]) => (isSet ? [flag] : [])), ...settings];
  return [
    deliveries.map(deliveryText).join(','),
    person.join(','),
    base,
    path,
    ...(flags.length > 0 ? [flags.join('+')] : []),
  ].join(';');
};

const oneOf = <Word extends string>(words: readonly Word[], text: string | undefined): Word => {
  const found = words.find((word) => word === text);
  if (found === undefined) throw new Error(`"${text}" is none of ${words.join(', ')}`);
  return found;
};

const parseDelivery = (text: string): DeliverySpec => {
  const [key = '-', bytes = 'A', rule, size, way, process = 'p', tries = '1', ...more] = text.split(':');
  const [name, caller = ''] = key.split('@');
  const tab = more.find((part) => part.startsWith('tab='))?.slice('tab='.length);
  return {
    key: name === '-' ? undefined : key,
    caller,
    bytes,
    rule: oneOf([...RULES, 'append'], rule),
    size: oneOf(SIZES, size),
    way: oneOf(WAYS, way),
    process,
    tries: Number(tries),
    ...(tab === undefined ? {} : { tab }),
  };
};

/** @throws Error if the text is not a scenario */
export const parseScenario = (text: string): Scenario => {
  const [deliveries = '', person = '', base = 'none', path = '', flags = ''] = text.split(';');
  const set = flags.split('+');
  return {
    deliveries: deliveries.split(',').map(parseDelivery),
    person: person === '' ? [] : person.split(',').map((act) => oneOf([...ACTS, ...CHOSEN_ACTS, ...SHEET_ACTS], act)),
    base: oneOf([...BASES, 'spreadsheet'], base),
    path,
    lag: set.includes('lag'),
    isReadOnly: set.includes('read-only'),
    isLimited: set.includes('limits'),
    settings: SETTINGS.filter((setting) => set.includes(setting)),
    acceptsSameIds: set.includes('same-ids'),
  };
};

/** A choice that differs from the default. */
export interface Deviation {
  anchor: string;
  choice: string;
}

const scheduleText = (deviations: readonly Deviation[]): string =>
  deviations.map(({ anchor, choice }) => `${anchor}${choice}`).join(',');

/** @throws Error if the text is not a schedule */
const parseSchedule = (text: string): Deviation[] =>
  text === ''
    ? []
    : text.split(',').map((part) => {
        const found = /^(\d+\.\d+)([>!].+)$/.exec(part);
        if (found === null) throw new Error(`"${part}" is no part of a schedule`);
        return { anchor: found[1] ?? '', choice: found[2] ?? '' };
      });

/** A scenario and a schedule in the format of `--replay`. */
export const replayText = (scenario: Scenario, deviations: readonly Deviation[]): string =>
  `${scenarioText(scenario)}/${scheduleText(deviations)}`;

export const parseReplay = (text: string): { scenario: Scenario; deviations: Deviation[] } => {
  const at = text.lastIndexOf('/');
  if (at < 0) throw new Error('a replay is SCENARIO/SCHEDULE');
  return { scenario: parseScenario(text.slice(0, at)), deviations: parseSchedule(text.slice(at + 1)) };
};
