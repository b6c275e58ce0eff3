import { CHANGES_WHILE_SENT } from './named-revised-plans.ts';
import { CHUNK, MULTIPART, type NamedSchedule, RECORDS, schedule } from './named-schedule.ts';

const CHANGE = /batchUpdate/;
const FIRST_TRY = /^sends, try 1/;

/** The caller leaves after a request was sent, and Google carries it out later. */
export const LATE_REQUESTS: readonly NamedSchedule[] = [
  ...CHANGES_WHILE_SENT.map(([act, base, kind, before, nth]) =>
    schedule(
      `a request is late, a person does ${act}, and a copy of the delivery comes: ${kind}`,
      `k1:A:${kind}:p1:1,k1:A:${kind}:p2:1;${act};${base};`,
      { actor: 'd1', before, nth, choice: '!leave-late' },
      { actor: 'd2', before: FIRST_TRY, choice: '>3' },
    ),
  ),
  ...(
    [
      ['small:plain', 'hand', MULTIPART, 1],
      ['large:push', 'hand', CHUNK, 2],
    ] as const
  ).map(([kind, base, before, nth]) =>
    schedule(
      `a request is late, and another delivery replaces the file: ${kind}`,
      `k1:A:replace:${kind}:p1:1,k2:B:replace:${kind}:p2:1;;${base};`,
      { actor: 'd1', before, nth, choice: '!leave-late' },
    ),
  ),
  schedule(
    'a request of a delivery without a key is late, and another delivery replaces the file',
    '-:A:replace:small:plain:p1:1,k2:B:replace:small:plain:p2:1;;hand;',
    { actor: 'd1', before: MULTIPART, choice: '!leave-late' },
  ),
  schedule(
    'a request is late, its delivery is tried again, and another one replaces the file',
    'k1:A:replace:small:plain:p1:2,k2:B:replace:small:plain:p2:1;;hand;',
    { actor: 'd1', before: MULTIPART, choice: '!leave-late' },
  ),
  schedule('a request is late, and its delivery is tried again', 'k1:A:replace:small:plain:p1:2;;hand;', {
    actor: 'd1',
    before: MULTIPART,
    choice: '!leave-late',
  }),
  ...['small:plain', 'large:push'].map((kind) =>
    schedule(
      `the request that removes a content restriction is late, and the delivery is tried again: ${kind}`,
      `k1:A:replace:${kind}:p1:2,k2:B:replace:${kind}:p2:1;;delivered;;read-only`,
      { actor: 'd1', before: /^PATCH files\/f1$/, choice: '!leave-late' },
    ),
  ),
  // Rows.
  ...['delivered', 'spreadsheet'].map((base) =>
    schedule(
      `the change that replaces rows is late, and another delivery replaces them: ${base}`,
      `k1:A:replace:rows:plain:p1:1,k2:B:replace:rows:plain:p2:1;;${base};`,
      { actor: 'd1', before: CHANGE, choice: '!leave-late' },
    ),
  ),
  schedule(
    'the first of several changes is late, and its delivery is tried again',
    'k1:A:append:batches:plain:p1:2;;spreadsheet;;same-ids',
    { actor: 'd1', before: CHANGE, choice: '!leave-late' },
  ),
  schedule(
    'the sheet for new rows is made late, and another delivery makes one',
    'k1:A:append:rows:plain:p1:1,k2:B:append:rows:plain:p2:1;;none;',
    { actor: 'd1', before: /^POST files/, choice: '!leave-late' },
  ),
  // The sender continues as after a request without an answer, and Google carries out the request later nevertheless.
  ...(
    [
      ['small:plain', MULTIPART, 1],
      ['large:push', CHUNK, 2],
      ['sheet:plain', CHUNK, 1],
    ] as const
  ).flatMap(([kind, before, nth]) =>
    ['!lost-late', '!504-late', '!crash-late'].map((choice) =>
      schedule(
        `a request has no answer and is late, and another delivery comes: ${kind} ${choice}`,
        `k1:A:replace:${kind}:p1:2,k2:B:replace:${kind}:p2:1;;none;`,
        { actor: 'd1', before, nth, choice },
      ),
    ),
  ),
  schedule(
    'a request that is sent twice takes effect twice, and overwrites what a person has edited in between',
    'k1:A:replace:small:plain:p1:1;edit;hand;',
    { actor: 'd1', before: MULTIPART, choice: '!lost-late' },
    { actor: 'd1', before: /^ledger\.record write:/, choice: '>2' },
  ),
  ...(
    [
      ['small:plain', MULTIPART, 1],
      ['large:push', CHUNK, 2],
    ] as const
  ).flatMap(([kind, before, nth]) =>
    ['!lost-late', '!504-late'].map((choice) =>
      schedule(
        `a request is late, its delivery is answered, and an upload is opened that replaces the file: ${kind} ${choice}`,
        `k1:A:replace:${kind}:p1:1,k2:B:replace:small:upload:p2:2;;hand;`,
        { actor: 'd1', before, nth, choice },
        { actor: 'd2', before: /^ledger\.read delivery/, choice: '!leave' },
      ),
    ),
  ),
  schedule(
    'a process pauses while it completes an upload whose file is deleted, and its lease expires',
    'k1:A:replace:small:upload:p1:1;delete;hand;',
    { actor: 'd1', before: /^ledger\.read upload/, choice: '>2' },
    { actor: 'd1', before: /^GET files\/f1$/, nth: 6, choice: '!freeze' },
  ),
  schedule(
    'a request is late, and overwrites what an upload has written that was opened before its delivery was answered',
    'k1:A:replace:small:upload:p1:2,k2:B:replace:small:plain:p2:1;;hand;',
    { actor: 'd1', before: /^ledger\.claim delivery/, choice: '!leave' },
    { actor: 'd2', before: /^ledger\.read file/, choice: '!freeze' },
    { actor: 'd1', before: /^ledger\.read write/, choice: '!freeze' },
    { actor: 'd2', before: MULTIPART, choice: '!lost-late' },
  ),
  schedule(
    'a request is late, its process dies after it has recorded the receipt, and an upload replaces the file',
    'k1:A:replace:small:plain:p1:2,k2:B:replace:small:upload:p2:2;;hand;',
    { actor: 'd1', before: MULTIPART, choice: '!lost-late' },
    { actor: 'd2', before: /^ledger\.read delivery/, choice: '!leave' },
    { actor: 'd1', before: RECORDS, choice: '!crash-after' },
    { actor: 'd2', before: /^sends, try 2/, choice: '>1' },
  ),
  schedule(
    'a request is late, the ledger does not note that at the end of its delivery, and an upload replaces the file',
    'k1:A:replace:small:plain:p1:1,k2:B:replace:small:upload:p2:2;;hand;',
    { actor: 'd1', before: MULTIPART, choice: '!lost-late' },
    { actor: 'd2', before: /^ledger\.read delivery/, choice: '!leave' },
    { actor: 'd1', before: /^ledger\.record write:/, choice: '!fail' },
  ),
  // Drive has stored other bytes, and moves the file to the trash after the process has died.
  ...(
    [
      ['the delivery is tried again', 'k1:A:new:small:plain:p1:2;;none;', 'd1', MULTIPART],
      ['the archive is tried again', 'k1:AB:new:small:zip:p1:2;;none;', 'd1.1', MULTIPART],
      [
        'another delivery replaces it',
        'k1:A:new:small:plain:p1:1,k2:B:replace:small:plain:p2:1;;none;',
        'd1',
        MULTIPART,
      ],
      [
        'another one does, without a key',
        '-:A:new:small:plain:p1:1,k2:B:replace:small:plain:p2:1;;none;',
        'd1',
        MULTIPART,
      ],
      [
        'another delivery replaces that of an upload',
        'k1:A:replace:small:upload:p1:1,k2:B:replace:small:plain:p2:1;;none;',
        'd1',
        CHUNK,
      ],
    ] as const
  ).map(([what, scenario, actor, before]) =>
    schedule(
      `a new file with wrong bytes is removed late, and ${what}`,
      scenario,
      { actor, before, choice: '!corrupt' },
      { actor, before: /^PATCH files\/f\d$/, choice: '!crash-late' },
    ),
  ),
  ...['!lost-late', '!504-late', '!crash-late'].map((choice) =>
    schedule(
      `rows are late and sent again, and Sheets refuses the second change: ${choice}`,
      'k1:A:append:rows:plain:p1:2,k2:B:append:rows:plain:p2:1;;hand;',
      { actor: 'd1', before: CHANGE, choice },
    ),
  ),
  schedule(
    'a write to the ledger without an answer is late',
    'k1:A:replace:small:plain:p1:2,k2:B:replace:small:plain:p2:1;;hand;',
    { actor: 'd1', before: /^ledger\.claim write:/, choice: '!lost-late' },
  ),
  schedule(
    'the receipt of an upload session is recorded late, after the retention has moved the file to the trash',
    'k1:A:new:small:upload:p1:2,k2:B:new:small:upload:p2:2;;none;;keep',
    { actor: 'd1', before: /^ledger\.read upload/, choice: '!leave' },
    { actor: 'd2', before: /^ledger\.record upload\S* done/, choice: '!lost-late' },
    { actor: 'd2', before: /^GET files\/f/, nth: 2, choice: '>4' },
  ),
];
