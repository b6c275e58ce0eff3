import { type Line, type NamedSchedule, SEARCH, schedule } from './named-schedule.ts';

const FIRST_TRY = /^sends, try 1/;
const SECOND_TRY = /^sends, try 2/;
const CLAIMS = /^ledger\.claim delivery/;
/** The look at the tab for the second change comes right after it. */
const COMMITS = /^ledger\.record delivery\S* claimed/;
const CHANGE = /^POST spreadsheets\/f1:batchUpdate/;
const GET_SHEET = /^GET spreadsheets\/f1$/;
const CONVERTED = /^ledger\.read converted/;
const KEY_IS_READ = /^ledger\.read delivery/;

/** The process dies after its change, and the next actor acts before the retry. */
const CHANGE_BEFORE_RETRY: readonly Line[] = [
  { actor: 'd1', before: CHANGE, choice: '!crash-after' },
  { actor: 'd1', before: SECOND_TRY, choice: '>2' },
];

/** Schedules of rows in sheets that violated an invariant before a fix. */
export const NAMED_ROWS: readonly NamedSchedule[] = [
  // Different rows with a used key never get a receipt.
  schedule(
    'other rows with one key are answered while the first try has made the sheet',
    'k1:A:append:rows:plain:p1:1,k1:B:append:rows:plain:p2:1;;none;',
    { actor: 'd1', before: CONVERTED, nth: 3, choice: '>2' },
  ),
  // A tab that people have renamed is not in the way of a new one.
  ...(['append', 'replace'] as const).map((rule) =>
    schedule(
      `a person renames the tab that the courier has made: ${rule}`,
      `k1:A:${rule}:rows:plain:p1:1:tab=T,k2:B:${rule}:rows:plain:p2:1:tab=T;rename-tab;hand;`,
      { actor: 'd2', before: FIRST_TRY, choice: '>3' },
    ),
  ),
  // One key, one sheet.
  schedule(
    'a copy waits for the name, the sheet that was made meanwhile gets its rows, and a person moves it to the trash',
    'k1:A:append:rows:plain:p1:2,k1:A:append:rows:plain:p2:1;trash;none;',
    { actor: 'd1', before: SEARCH, nth: 2, choice: '!503-later' },
    { actor: 'd1', before: CONVERTED, nth: 3, choice: '!crash' },
    { actor: 'd1', before: GET_SHEET, nth: 3, choice: '>3' },
    { actor: 'd1', before: /^ledger\.release sheet/, choice: '!crash' },
  ),
  // Each row is written once, also if a person renames the sheet between two tries.
  ...(['rename', 'move', 'trash'] as const).flatMap((act) =>
    [4, 5].map((nth) =>
      schedule(
        `a person does to the sheet in which a try writes rows, and a copy writes them elsewhere: ${act}, ${nth}`,
        `k1:A:append:rows:plain:p1:1,k1:A:append:rows:plain:p2:1;${act};hand;`,
        { actor: 'd1', before: /^ledger|^GET spreadsheets\/f1$/, nth, choice: '>3' },
        { actor: 'd1', before: /^ledger|^GET spreadsheets\/f1$/, nth: nth + 1, choice: '>2' },
      ),
    ),
  ),
  // The rows of a delivery are in one tab, and its receipt names where they are.
  schedule(
    'a caller leaves, and a person moves another tab to the front between two changes of a copy that dies',
    'k1:A:append:batches:plain:p1:1,k2:B:replace:rows:plain:p2:1,k1:C:append:batches:plain:p3-5m:1;move-tab;none;',
    { actor: 'd1', before: CLAIMS, choice: '!leave' },
    { actor: 'd3', before: CHANGE, choice: '!crash-after' },
  ),
  ...['2;move-tab', '2;hide-tab', '2;delete-tab', '2:tab=T;rename-tab', '2:tab=T;delete-tab'].map((act) =>
    schedule(
      `a person changes the tabs between two tries of a delivery that was written in part: ${act}`,
      `k1:A:append:batches:plain:p1:${act};spreadsheet;`,
      ...CHANGE_BEFORE_RETRY,
    ),
  ),
  ...['2;move-tab', '2;hide-tab', '2;rename-tab', '2;delete-tab', '2:tab=T;rename-tab'].map((act) =>
    schedule(
      `a person changes the tabs between two changes of a try: ${act}`,
      `k1:A:append:batches:plain:p1:${act};spreadsheet;`,
      { actor: 'd1', before: COMMITS, choice: '>2' },
    ),
  ),
  ...['2;move-tab', '2;hide-tab', '2:tab=T;rename-tab'].map((act) =>
    schedule(
      `a person changes the tabs between the change of a delivery and its retry: ${act}`,
      `k1:A:append:rows:plain:p1:${act};spreadsheet;`,
      ...CHANGE_BEFORE_RETRY,
    ),
  ),
  schedule(
    'a person deletes the tab that has the first rows of a delivery, and another delivery makes a tab of its name',
    'k1:A:append:batches:plain:p1:2:tab=T,k2:B:append:rows:plain:p2:1:tab=T;delete-tab;hand;',
    ...CHANGE_BEFORE_RETRY,
    { actor: 'd2', before: FIRST_TRY, choice: '>3' },
  ),
  schedule(
    'another delivery replaces the first rows of a delivery, and the retry writes the others',
    'k1:A:append:batches:plain:p1:2,k2:B:replace:rows:plain:p2:1;;hand;',
    { actor: 'd1', before: COMMITS, choice: '!leave' },
  ),
  // A process that was paused does not write under a lease that another one has taken over.
  ...['rows', 'batches'].map((size) =>
    schedule(
      `a process is paused after its last look, and a copy is answered: ${size}`,
      `k1:A:append:${size}:plain:p1:1,k1:A:append:${size}:plain:p2:1;;hand;;same-ids`,
      { actor: 'd1', before: GET_SHEET, nth: 3, choice: '!freeze' },
    ),
  ),
  schedule(
    'a process is paused after its last look, and a newer replacement is answered',
    'k1:A:replace:rows:plain:p1:1,k2:B:replace:rows:plain:p2:1;;hand;',
    { actor: 'd1', before: KEY_IS_READ, nth: 2, choice: '!freeze' },
  ),
  schedule(
    'a person renames an empty sheet before its rows are written, and a copy with a slow search comes',
    'k1:A:replace:rows:plain:p1:1,k1:B:replace:rows:plain:p2:1,k1:A:replace:rows:plain:p3:1;rename;none;',
    { actor: 'd1', before: /^ledger\.record delivery/, choice: '>2' },
    { actor: 'd2', before: KEY_IS_READ, choice: '>4' },
    { actor: 'd2', before: SEARCH, nth: 2, choice: '!slow' },
  ),
];
