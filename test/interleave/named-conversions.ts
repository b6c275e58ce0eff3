import { CHUNK, type Line, type NamedSchedule, schedule, UNRECORDED } from './named-schedule.ts';

/** The last request of a conversion is on its way while its process is paused, until the lease has expired. */
const UNDER_WAY: readonly Line[] = [
  { actor: 'd1', before: CHUNK, choice: '!slow' },
  { actor: 'd1', before: /^ledger\.record convert/, choice: '!freeze' },
];

/** One document per key. */
export const CONVERSIONS: readonly NamedSchedule[] = [
  schedule(
    'a conversion takes longer than a minute, and its copy waits',
    'k1:A:new:sheet:plain:p1:1,k1:A:new:sheet:plain:p2:1;;none;',
    { actor: 'd1', before: CHUNK, choice: '!slow' },
  ),
  schedule(
    'a conversion is slow, and the clock of another instance is fast',
    'k1:A:new:sheet:plain:p1:1,k1:A:new:sheet:plain:p2+5m:1;;none;',
    { actor: 'd1', before: CHUNK, choice: '!slow' },
  ),
  schedule(
    'a process is paused before a conversion, and a copy makes the document',
    'k1:A:new:sheet:plain:p1:1,k1:A:new:sheet:plain:p2:1;;none;',
    { actor: 'd1', before: /courierKey/, choice: '!freeze' },
  ),
  schedule(
    'a conversion is on its way while its process is paused, and a copy makes the document',
    'k1:A:new:sheet:plain:p1:1,k1:A:new:sheet:plain:p2:1;;none;',
    ...UNDER_WAY,
  ),
  schedule(
    'the receipt of a conversion cannot be recorded, a copy waits, and the search shows the document late',
    'k1:A:new:sheet:plain:p1:1,k1:A:new:sheet:plain:p2:1;;none;;lag',
    { actor: 'd1', before: CHUNK, choice: '>2' },
    ...UNRECORDED,
  ),
  // The copy plans another file while the conversion is on its way.
  ...(
    [
      ['moves the folder', 'move-folder', 'sub'],
      ['puts a spreadsheet of the name into the folder', 'put-sheet', ''],
    ] as const
  ).flatMap(([what, act, path]) =>
    ['!slow', '!freeze', '!leave-late', '!lost-late', '!crash-late'].map((choice) =>
      schedule(
        `a conversion is on its way, a person ${what}, and a copy comes: ${choice}`,
        `k1:A:replace:sheet:plain:p1:1,k1:A:replace:sheet:plain:p2:1;${act};none;${path}`,
        { actor: 'd1', before: CHUNK, choice },
        { actor: 'd2', before: /^sends, try 1/, choice: '>3' },
      ),
    ),
  ),
];
