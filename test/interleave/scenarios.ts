import { ARCHIVE_SCENARIOS, withArchives } from './archive-scenarios.ts';
import { CALLER_SCENARIOS, withCallers } from './caller-scenarios.ts';
import { randomRowsScenario, ROWS_SCENARIOS } from './rows-scenarios.ts';
import { ACCOUNT_SCENARIOS, KEEP_SCENARIOS, SHARE_SCENARIOS, withSettings } from './setting-scenarios.ts';
import { ACTS, type Act, BASES, type DeliverySpec, parseScenario, RULES, type Scenario } from './scenario.ts';

/** Files of one caller. */
const FILE_SCENARIOS: readonly Scenario[] = [
  // Copies of one delivery in two processes.
  'k1:A:new:small:plain:p1:2,k1:A:new:small:plain:p2:2;;none;',
  'k1:A:replace:small:plain:p1:2,k1:A:replace:small:plain:p2:2;;hand;',
  'k1:A:replace:large:plain:p1:2,k1:A:replace:large:plain:p2:2;;delivered;',
  'k1:A:new:large:push:p1:2,k1:A:new:large:push:p2:2;;none;',
  'k1:A:replace:large:push:p1:2,k1:A:replace:large:push:p2:2;;hand;',
  'k1:A:new:sheet:plain:p1:2,k1:A:new:sheet:plain:p2:2;;none;',
  'k1:A:replace:sheet:plain:p1:2,k1:A:replace:sheet:plain:p2:2;;delivered;',
  // Deliveries with different keys to one name.
  'k1:A:replace:small:plain:p1:2,k2:B:replace:small:plain:p2:2;;none;',
  'k1:A:replace:small:plain:p1:2,k2:B:replace:small:plain:p2:2,k1:A:replace:small:plain:p3:2;;none;',
  'k1:A:replace:large:push:p1:2,k2:B:replace:large:push:p2:2,k1:A:replace:large:push:p3:2;;hand;',
  'k1:A:replace:large:plain:p1:2,k2:B:replace:small:plain:p2:2;;delivered;',
  // The clocks of two instances differ by minutes.
  'k1:A:replace:small:plain:p1:2,k2:B:replace:small:plain:p2+5m:2,k1:A:replace:small:plain:p3:2;;hand;',
  'k1:A:replace:large:push:p1+5m:2,k2:B:replace:large:push:p2:2,k1:A:replace:large:push:p3-5m:2;;delivered;',
  'k1:A:new:sheet:plain:p1:2,k1:A:new:sheet:plain:p2+5m:2;;none;',
  // Different bytes with one key.
  'k1:A:replace:small:plain:p1:2,k1:B:replace:small:plain:p2:2;;none;',
  'k1:A:replace:large:plain:p1:2,k1:B:replace:large:plain:p2:2;;none;',
  'k1:A:new:large:plain:p1:2,k1:B:new:large:plain:p2:2;;none;',
  // A person changes the file.
  'k1:A:replace:large:push:p1:2;rename;hand;',
  'k1:A:replace:large:push:p1:2;move;delivered;',
  'k1:A:replace:large:push:p1:2;trash;hand;',
  'k1:A:replace:small:plain:p1:2;edit,trash;none;',
  'k1:A:new:small:plain:p1:2;edit;none;',
  'k1:A:new:large:push:p1:2;trash,untrash;none;',
  'k1:A:new:small:plain:p1:2;trash-folder;none;sub',
  'k1:A:replace:small:plain:p1:2;trash-folder;none;sub',
  'k1:A:replace:small:plain:p1:2;delete;hand;',
  'k1:A:replace:sheet:plain:p1:2;trash;delivered;',
  'k1:A:replace:large:push:p1:2;put;none;',
  'k1:A:replace:sheet:plain:p1:2;put,trash,put;none;',
  'k1:A:replace:sheet:plain:p1:2,k1:A:replace:sheet:plain:p2:2;put-sheet,trash;none;',
  'k1:A:replace:sheet:plain:p1:2,k1:A:replace:sheet:plain:p2:2;move-folder;none;sub',
  'k1:A:replace:sheet:plain:p1:2,k2:B:replace:sheet:plain:p2:2;trash-folder;none;sub',
  'k1:A:replace:large:push:p1:2,k1:A:replace:large:push:p2:2;move-folder;none;sub',
  // Drive's search finds new files late.
  'k1:A:replace:small:plain:p1:2,k2:B:replace:small:plain:p2:2;;delivered;;lag',
  'k1:A:replace:sheet:plain:p1:2,k2:B:replace:sheet:plain:p2:2;trash;none;;lag',
  // Rules that write only if there is no file.
  'k1:A:skip:small:plain:p1:2,k2:B:skip:small:plain:p2:2;;none;',
  'k1:A:fail:small:plain:p1:2,k2:B:fail:small:plain:p2:2;;none;',
  '-:A:replace:small:plain:p1:1,k2:B:replace:small:plain:p2:2;;hand;',
  // Files that are read-only: the courier removes its own restriction, and restores it.
  'k1:A:replace:small:plain:p1:2,k2:B:replace:small:plain:p2:2;;delivered;;read-only',
  'k1:A:replace:large:push:p1:2,k1:A:replace:large:push:p2:2;trash;delivered;;read-only',
  'k1:A:replace:small:plain:p1:2,k1:A:replace:small:plain:p2:2,k2:B:replace:small:plain:p3:2;;hand;;read-only',
  'k1:A:replace:sheet:plain:p1:2,k2:B:replace:sheet:plain:p2:2;;delivered;;read-only',
  // Upload sessions.
  'k1:A:new:small:upload:p1:2,k1:A:new:small:upload:p2:2;;none;',
  'k1:A:replace:small:upload:p1:2,k2:B:replace:small:plain:p2:2;;hand;',
  'k1:A:replace:small:blind:p1:2,k1:A:replace:small:blind:p2:2;;hand;',
  'k1:A:new:large:upload:p1:2;trash;none;',
  'k1:A:replace:small:blind:p1:2;edit;hand;',
  'k1:A:replace:small:upload:p1:2;delete;hand;',
].map(parseScenario);

/** A scenario for each kind of race. */
export const SCENARIOS = {
  files: FILE_SCENARIOS,
  callers: CALLER_SCENARIOS,
  archives: ARCHIVE_SCENARIOS,
  accounts: ACCOUNT_SCENARIOS,
  keep: KEEP_SCENARIOS,
  share: SHARE_SCENARIOS,
  rows: ROWS_SCENARIOS,
} as const;

const pick = <Item>(items: readonly Item[], random: () => number): Item => {
  const item = items[Math.floor(random() * items.length)];
  if (item === undefined) throw new Error('nothing to pick from');
  return item;
};

const RELATIONS = ['copy', 'copy', 'other-key', 'other-key', 'other-bytes', 'no-key'] as const;

const another = (first: DeliverySpec, index: number, random: () => number): DeliverySpec => {
  const skew = random() < 0.2 ? pick(['+5m', '-5m'], random) : '';
  const process = random() < 0.3 ? first.process : `p${index + 1}${skew}`;
  const relation = pick(RELATIONS, random);
  if (relation === 'copy') return { ...first, process };
  if (relation === 'other-bytes') return { ...first, process, bytes: 'B' };
  const way =
    first.size !== 'sheet' && random() < 0.3 ? pick(['plain', 'push', 'upload', 'blind'] as const, random) : first.way;
  const rule = random() < 0.3 ? pick(RULES, random) : first.rule;
  const other = { ...first, process, way, rule, bytes: 'BCD'[index - 1] ?? 'E' };
  return relation === 'no-key' && way === 'plain'
    ? { ...other, key: undefined, tries: 1 }
    : { ...other, key: `k${index + 1}` };
};

const randomFiles = (random: () => number): Scenario => {
  const size = pick(['small', 'small', 'large', 'large', 'sheet'] as const, random);
  const way = size === 'sheet' ? 'plain' : pick(['plain', 'plain', 'push', 'push', 'upload', 'blind'] as const, random);
  const first: DeliverySpec = {
    ...{ key: 'k1', caller: '', bytes: 'A', size, way, process: 'p1', tries: 1 + Math.floor(random() * 2) },
    rule: pick(['new', 'replace', 'replace', 'replace', 'skip', 'fail'] as const, random),
  };
  const others = Math.floor(random() * 3);
  const acts: Act[] = Array.from({ length: Math.floor(random() * 3) }, () => pick(ACTS, random));
  return {
    deliveries: [first, ...Array.from({ length: others }, (_, at) => another(first, at + 1, random))],
    person: acts,
    base: pick(BASES, random),
    path: random() < 0.2 ? 'sub' : '',
    lag: random() < 0.2,
    isReadOnly: random() < 0.15,
    isLimited: random() < 0.15,
    settings: [],
    acceptsSameIds: false,
  };
};

/** Of random scenarios. Sheets has more ways to go wrong than files. */
const ROWS_SHARE = 0.4;

/** A random scenario. */
export const randomScenario = (random: () => number): Scenario => {
  if (random() < ROWS_SHARE) return randomRowsScenario(random);
  const files = randomFiles(random);
  const set = random() < 0.4 ? withSettings(files, random) : files;
  const packed = random() < 0.3 ? withArchives(set, random) : set;
  return random() < 0.3 ? withCallers(packed, random) : packed;
};
