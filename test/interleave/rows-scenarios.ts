import { type Act, type DeliverySpec, parseScenario, type Scenario, SHEET_ACTS } from './scenario.ts';

/** Scenarios of rows that are written into a sheet. The letters differ, because they tell the rows apart. */
export const ROWS_SCENARIOS: readonly Scenario[] = [
  // Copies of one delivery, in two processes and in one.
  'k1:A:append:rows:plain:p1:2,k1:A:append:rows:plain:p2:2;;none;',
  'k1:A:append:rows:plain:p1:2,k1:A:append:rows:plain:p2:2;;delivered;',
  'k1:A:append:rows:push:p1:2,k1:A:append:rows:push:p1:2;;hand;',
  'k1:A:append:batches:plain:p1:2,k1:A:append:batches:plain:p2:2;;delivered;',
  'k1:A:replace:rows:plain:p1:2,k1:A:replace:rows:plain:p2:2;;delivered;',
  'k1:A:append:rows:plain:p1:2:tab=T,k1:A:append:rows:plain:p2:2:tab=T;;spreadsheet;',
  // The same without the lock that Sheets adds: one id, one mark.
  'k1:A:append:rows:plain:p1:2,k1:A:append:rows:plain:p2:2;;hand;;same-ids',
  'k1:A:append:batches:plain:p1:2,k1:A:append:batches:plain:p2:2;;hand;;same-ids',
  'k1:A:replace:rows:plain:p1:2,k1:A:replace:rows:plain:p2:2,k2:B:replace:rows:plain:p3:2;;hand;;same-ids',
  // Deliveries with different keys to one tab.
  'k1:A:append:rows:plain:p1:2,k2:B:append:rows:plain:p2:2;;none;',
  'k1:A:append:rows:plain:p1:2,k2:B:append:rows:plain:p1:2,k3:C:append:rows:plain:p1:2;;delivered;',
  'k1:A:append:rows:plain:p1:2,k2:B:append:rows:plain:p2:2,k1:A:append:rows:plain:p3:2;;spreadsheet;',
  'k1:A:append:batches:plain:p1:2,k2:B:append:rows:plain:p2:2;;hand;',
  'k1:A:append:batches:plain:p1:2,k2:B:append:batches:plain:p1:2;;none;',
  'k1:A:append:rows:plain:p1:2,k2:X:append:rows:plain:p2:2;;hand;',
  '-:A:append:rows:plain:p1:2,k2:B:append:rows:plain:p1:2;;none;',
  'k1:A:replace:rows:plain:p1:2,k2:B:replace:rows:plain:p2:2;;none;',
  'k1:A:replace:rows:plain:p1:2,k1:A:replace:rows:plain:p2:2,k2:B:replace:rows:plain:p3:2;;hand;',
  '-:A:replace:rows:plain:p1:1,k2:B:replace:rows:plain:p2:2;;hand;',
  'k1:A:replace:rows:plain:p1:2,k2:B:append:rows:plain:p2:2;;delivered;',
  'k1:A:append:rows:plain:p1:2:tab=T,k2:B:append:rows:plain:p2:2:tab=T;;hand;',
  'k1:A:replace:rows:plain:p1:2:tab=T,k2:B:replace:rows:plain:p2:2:tab=T;;spreadsheet;',
  // The clocks of two instances differ by minutes.
  'k1:A:append:rows:plain:p1+5m:2,k1:A:append:rows:plain:p2:2,k2:B:append:rows:plain:p3-5m:2;;hand;;same-ids',
  'k1:A:replace:rows:plain:p1:2,k2:B:replace:rows:plain:p2+5m:2,k1:A:replace:rows:plain:p3:2;;hand;',
  // Different rows with one key.
  'k1:A:append:rows:plain:p1:2,k1:B:append:rows:plain:p2:2;;none;',
  'k1:A:append:rows:plain:p1:2,k1:B:append:rows:plain:p1:2;;hand;',
  'k1:A:append:batches:plain:p1:2,k1:B:append:batches:plain:p2:2;;delivered;',
  'k1:A:replace:rows:plain:p1:2,k1:B:replace:rows:plain:p2:2;;hand;',
  // A person changes cells and tabs.
  'k1:A:append:rows:plain:p1:2,k2:B:append:rows:plain:p1:2;edit-cell,type-row;hand;',
  'k1:A:append:rows:plain:p1:2,k1:A:append:rows:plain:p2:2;delete-row,sort;delivered;',
  'k1:A:append:batches:plain:p1:2,k2:B:append:rows:plain:p2:2;insert-row,delete-row;hand;',
  'k1:A:append:rows:plain:p1:2;move-tab,type-row;spreadsheet;',
  'k1:A:append:rows:plain:p1:2:tab=T,k2:B:append:rows:plain:p2:2:tab=T;rename-tab;delivered;',
  'k1:A:append:rows:plain:p1:2:tab=T,k2:B:append:rows:plain:p1:2:tab=T;delete-tab;hand;',
  'k1:A:replace:rows:plain:p1:2,k2:B:append:rows:plain:p1:2;type-row,delete-tab;hand;',
  // A person changes tabs, or another delivery replaces all values, between the changes of a larger delivery.
  'k1:A:append:batches:plain:p1:2;move-tab,rename-tab;hand;',
  'k1:A:append:batches:plain:p1:2;hide-tab;delivered;',
  'k1:A:append:batches:plain:p1:2:tab=T,k1:A:append:batches:plain:p2:2:tab=T;rename-tab;hand;',
  'k1:A:append:batches:plain:p1:2:tab=T,k2:B:append:rows:plain:p2:2:tab=T;delete-tab;hand;',
  'k1:A:append:batches:plain:p1:2,k2:B:replace:rows:plain:p2:2;;hand;',
  'k1:A:append:batches:plain:p1:2,k1:A:append:batches:plain:p2:2;delete-tab;spreadsheet;',
  // A person changes the file.
  'k1:A:append:rows:plain:p1:2,k2:B:append:rows:plain:p1:2;trash;delivered;',
  'k1:A:append:rows:plain:p1:2,k1:A:append:rows:plain:p2:2;trash,untrash;none;',
  'k1:A:append:batches:plain:p1:2;rename;hand;',
  'k1:A:append:rows:plain:p1:2,k1:A:append:rows:plain:p2:2;rename;hand;',
  'k1:A:append:batches:plain:p1:2,k1:A:append:batches:plain:p1:2;move;delivered;',
  'k1:A:replace:rows:plain:p1:2,k1:A:replace:rows:plain:p2:2;rename;hand;',
  'k1:A:append:rows:plain:p1:2;delete;delivered;',
  'k1:A:replace:rows:plain:p1:2,k2:B:replace:rows:plain:p2:2;trash;hand;',
  'k1:A:append:rows:plain:p1:2;trash;spreadsheet;',
  'k1:A:append:rows:plain:p1:2;put;none;',
  // Drive's search finds new files late; files are read-only.
  'k1:A:append:rows:plain:p1:2,k2:B:append:rows:plain:p2:2;trash;none;;lag',
  'k1:A:append:rows:plain:p1:2,k2:B:append:rows:plain:p2:2;;delivered;;read-only',
  'k1:A:append:rows:plain:p1:2,k2:B:append:rows:plain:p2:2;;none;;read-only',
  'k1:A:replace:rows:plain:p1:2,k1:A:replace:rows:plain:p2:2;edit-cell;delivered;;read-only',
].map(parseScenario);

const pick = <Item>(items: readonly Item[], random: () => number): Item => {
  const item = items[Math.floor(random() * items.length)];
  if (item === undefined) throw new Error('nothing to pick from');
  return item;
};

const FILE_ACTS = ['rename', 'move', 'trash', 'untrash', 'delete', 'put'] as const;

const another = (first: DeliverySpec, index: number, random: () => number): DeliverySpec => {
  const skew = random() < 0.2 ? pick(['+5m', '-5m'], random) : '';
  const process = random() < 0.4 ? first.process : `p${index + 1}${skew}`;
  const relation = pick(['copy', 'copy', 'other-key', 'other-key', 'other-rows', 'no-key'] as const, random);
  if (relation === 'copy') return { ...first, process };
  const bytes = index === 1 && random() < 0.3 ? 'X' : ('BCD'[index - 1] ?? 'E');
  if (relation === 'other-rows') return { ...first, process, bytes };
  const { tab: _, ...plain } = first;
  const rule = random() < 0.2 ? pick(['append', 'replace'] as const, random) : first.rule;
  const other = { ...(random() < 0.3 ? plain : first), process, bytes, rule, size: 'rows' as const };
  return relation === 'no-key'
    ? { ...other, key: undefined, way: 'plain', tries: 1 }
    : { ...other, key: `k${index + 1}` };
};

/** A random scenario of rows that are written into a sheet. */
export const randomRowsScenario = (random: () => number): Scenario => {
  const rule = pick(['append', 'append', 'replace'] as const, random);
  const first: DeliverySpec = {
    ...{ key: 'k1', caller: '', bytes: 'A', rule, process: 'p1', tries: 1 + Math.floor(random() * 2) },
    size: rule === 'append' && random() < 0.2 ? 'batches' : 'rows',
    way: pick(['plain', 'push'] as const, random),
    ...(random() < 0.3 ? { tab: 'T' } : {}),
  };
  const others = Math.floor(random() * 3);
  const acts: Act[] = Array.from({ length: Math.floor(random() * 3) }, () =>
    pick<Act>(random() < 0.3 ? FILE_ACTS : SHEET_ACTS, random),
  );
  const base = pick(['none', 'hand', 'delivered', 'spreadsheet'] as const, random);
  return {
    deliveries: [first, ...Array.from({ length: others }, (_, at) => another(first, at + 1, random))],
    ...{ person: acts, base },
    path: base !== 'spreadsheet' && random() < 0.1 ? 'sub' : '',
    lag: random() < 0.2,
    isReadOnly: base !== 'spreadsheet' && random() < 0.1,
    isLimited: false,
    settings: [],
    acceptsSameIds: random() < 0.3,
  };
};
