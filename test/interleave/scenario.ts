/** What a schedule is made of: the deliveries, the person's acts, and what is there at the beginning; as one line of text. */

export const RULES = ['new', 'replace', 'skip', 'fail'] as const;
type Rule = (typeof RULES)[number];

/** `sheet`: a small CSV that becomes a Google Sheets file. */
const SIZES = ['small', 'large', 'sheet'] as const;
type Size = (typeof SIZES)[number];

/**
 * `push`: from a source that names its bytes and can be read from the middle; `upload`: by an upload session, completed with
 * the bytes' digest; `blind`: the same without it.
 */
const WAYS = ['plain', 'push', 'upload', 'blind'] as const;
type Way = (typeof WAYS)[number];

/** A file of the name that is there: put by a person, or delivered before under a key of its own. */
export const BASES = ['none', 'hand', 'delivered'] as const;
type Base = (typeof BASES)[number];

export const ACTS = ['rename', 'move', 'trash', 'untrash', 'edit', 'delete', 'put', 'trash-folder'] as const;
export type Act = (typeof ACTS)[number];

/** One sender: it sends until it is answered, so many tries while things happen, and more once they are over. */
export interface DeliverySpec {
  /** Undefined: without an Idempotency-Key. */
  key: string | undefined;
  /** A letter for the bytes. */
  bytes: string;
  rule: Rule;
  size: Size;
  way: Way;
  /** Which courier process takes it. */
  process: string;
  tries: number;
}

export interface Scenario {
  deliveries: readonly DeliverySpec[];
  person: readonly Act[];
  base: Base;
  /** Below the destination's folder; "" for none. */
  path: string;
  /** Drive's search shows a new file some seconds late. */
  lag: boolean;
}

const deliveryText = ({ key, bytes, rule, size, way, process, tries }: DeliverySpec): string =>
  [key ?? '-', bytes, rule, size, way, process, tries].join(':');

/** Its bytes go to Drive past the courier, whenever its caller sends them. */
export const isSession = ({ way }: Pick<DeliverySpec, 'way'>): boolean => way === 'upload' || way === 'blind';

/** What the caller of a session is told to answer by opening it again. */
export const OPEN_AGAIN: readonly string[] = ['upload-incomplete', 'digest-mismatch'];

/** `KEY:BYTES:RULE:SIZE:WAY:PROCESS:TRIES,…;ACT,…;BASE;PATH`, and `;lag` where there is one. */
export const scenarioText = ({ deliveries, person, base, path, lag }: Scenario): string =>
  [deliveries.map(deliveryText).join(','), person.join(','), base, path, ...(lag ? ['lag'] : [])].join(';');

const oneOf = <Word extends string>(words: readonly Word[], text: string | undefined): Word => {
  const found = words.find((word) => word === text);
  if (found === undefined) throw new Error(`"${text}" is none of ${words.join(', ')}`);
  return found;
};

const parseDelivery = (text: string): DeliverySpec => {
  const [key = '-', bytes = 'A', rule, size, way, process = 'p', tries = '1'] = text.split(':');
  return {
    key: key === '-' ? undefined : key,
    bytes,
    rule: oneOf(RULES, rule),
    size: oneOf(SIZES, size),
    way: oneOf(WAYS, way),
    process,
    tries: Number(tries),
  };
};

/** @throws Error for what is no scenario */
export const parseScenario = (text: string): Scenario => {
  const [deliveries = '', person = '', base = 'none', path = '', lag] = text.split(';');
  return {
    deliveries: deliveries.split(',').map(parseDelivery),
    person: person === '' ? [] : person.split(',').map((act) => oneOf(ACTS, act)),
    base: oneOf(BASES, base),
    path,
    lag: lag === 'lag',
  };
};

/** Where a schedule differs from what goes without saying, in the order in which it does. */
export interface Deviation {
  anchor: string;
  choice: string;
}

const scheduleText = (deviations: readonly Deviation[]): string =>
  deviations.map(({ anchor, choice }) => `${anchor}${choice}`).join(',');

/** @throws Error for what is no schedule */
const parseSchedule = (text: string): Deviation[] =>
  text === ''
    ? []
    : text.split(',').map((part) => {
        const found = /^(\d+\.\d+)([>!].+)$/.exec(part);
        if (found === null) throw new Error(`"${part}" is no part of a schedule`);
        return { anchor: found[1] ?? '', choice: found[2] ?? '' };
      });

/** A scenario and a schedule as `--replay` takes them. */
export const replayText = (scenario: Scenario, deviations: readonly Deviation[]): string =>
  `${scenarioText(scenario)}/${scheduleText(deviations)}`;

export const parseReplay = (text: string): { scenario: Scenario; deviations: Deviation[] } => {
  const at = text.lastIndexOf('/');
  if (at < 0) throw new Error('a replay is SCENARIO/SCHEDULE');
  return { scenario: parseScenario(text.slice(0, at)), deviations: parseSchedule(text.slice(at + 1)) };
};
