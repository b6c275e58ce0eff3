import { CHANGED_MEANWHILE } from './named-changed-meanwhile.ts';
import { CONVERSIONS } from './named-conversions.ts';
import { REVISED_PLANS } from './named-revised-plans.ts';
import {
  CHUNK,
  MULTIPART,
  type NamedSchedule,
  RECORDS,
  schedule,
  SESSION_START,
  UNRECORDED,
} from './named-schedule.ts';

const FIRST_TRY = /^sends, try 1/;
const SECOND_TRY = /^sends, try 2/;
const LEASE = /^ledger\.claim write/;

export const NAMED: readonly NamedSchedule[] = [
  // A receipt names the bytes that are in Drive.
  schedule(
    'other bytes under one key, while the receipt of the first is not recorded yet',
    'k1:A:replace:large:plain:p1:1,k1:B:replace:large:plain:p2:1;;none;',
    { actor: 'd1', before: RECORDS, choice: '>2' },
  ),
  schedule(
    'a byte of a large file is stored wrongly, and the process dies before it looks',
    'k1:A:replace:large:plain:p1:2;;none;',
    { actor: 'd1', before: CHUNK, choice: '!corrupt' },
    { actor: 'd1', before: CHUNK, nth: 2, choice: '!crash-after' },
  ),
  schedule(
    'a byte of a new file is stored wrongly, the process dies, and another delivery replaces it',
    'k1:A:replace:small:plain:p1:1,k2:B:replace:small:plain:p2:1;;none;',
    { actor: 'd1', before: MULTIPART, choice: '!corrupt' },
    { actor: 'd1', before: /^(GET|DELETE|PATCH) files\/f\d/, nth: 2, choice: '!crash' },
  ),
  schedule(
    'a copy finds the new file and is faster to record the receipt',
    'k1:A:new:small:plain:p1:1,k1:A:new:small:plain:p2:1;;none;',
    { actor: 'd1', before: RECORDS, choice: '>2' },
  ),
  // Acknowledged replacements are totally ordered.
  schedule(
    'the file is trashed and its copy delivered elsewhere while Drive is slow to show whether the file is read-only',
    'k1:A:replace:large:push:p1:1,k1:A:replace:large:push:p2:1;trash;delivered;;read-only',
    { actor: 'd1', before: /^GET files\/f1/, nth: 3, choice: '!503-later' },
    { actor: 'd2', before: /^GET files\/f1/, choice: '>3' },
  ),
  schedule(
    'a copy whose session starts slowly, and a newer delivery meanwhile',
    'k1:A:replace:large:push:p1:1,k1:A:replace:large:push:p2:1,k2:B:replace:large:push:p3:1;;hand;',
    { actor: 'd1', before: SESSION_START, choice: '!slow' },
  ),
  schedule(
    'a copy whose one request is slow, and a newer delivery meanwhile',
    'k1:A:replace:small:plain:p1:1,k1:A:replace:small:plain:p2:1,k2:B:replace:small:plain:p3:1;;hand;',
    { actor: 'd1', before: MULTIPART, choice: '!slow' },
  ),
  schedule(
    'Drive asks the update to come later, and a newer delivery is answered meanwhile',
    'k1:A:replace:small:plain:p1:1,k2:B:replace:small:plain:p2:1;;hand;',
    { actor: 'd1', before: MULTIPART, choice: '!503-later' },
  ),
  schedule(
    'Drive asks the update of a delivery without a key to come later, and a newer one is answered meanwhile',
    '-:A:replace:small:plain:p1:1,k2:B:replace:small:plain:p2:1;;hand;',
    { actor: 'd1', before: MULTIPART, choice: '!503-later' },
  ),
  schedule(
    'the receipt of a replacement cannot be recorded, a newer delivery comes, then the first one again',
    'k1:A:replace:small:plain:p1:1,k2:B:replace:small:plain:p2:1;;hand;',
    ...UNRECORDED,
  ),
  schedule(
    'the receipt of a document cannot be recorded, and its delivery is repeated',
    'k1:A:replace:sheet:plain:p1:1;;delivered;',
    ...UNRECORDED,
  ),
  ...[
    'k1:A:new:small:plain:p1:1;delete;none;',
    'k1:A:replace:small:plain:p1:1;delete;none;',
    'k1:A:replace:small:plain:p1:1;delete;hand;',
    'k1:A:replace:large:push:p1:1;trash;hand;',
  ].map((scenario) =>
    schedule(`the receipt cannot be recorded, and a person removes the file: ${scenario}`, scenario, ...UNRECORDED),
  ),
  // Changes by people and by other deliveries are preserved.
  ...(['rename', 'move', 'trash', 'delete'] as const).map((act) =>
    schedule(
      `the process dies in the middle of a transfer, and a person does to the file: ${act}`,
      `k1:A:replace:large:push:p1:2;${act};hand;`,
      { actor: 'd1', before: CHUNK, nth: 2, choice: '!crash' },
      { actor: 'd1', before: SECOND_TRY, choice: '>2' },
    ),
  ),
  schedule(
    'the answer to the making of a file is lost, and another delivery has replaced it',
    'k1:A:replace:small:plain:p1:1,k2:B:replace:small:plain:p2:1;;none;',
    { actor: 'd1', before: MULTIPART, choice: '!lost' },
  ),
  schedule(
    'a request is slow, and so is the ledger that should renew the lease',
    'k1:A:replace:small:plain:p1:1,k1:A:replace:small:plain:p2:1;;delivered;',
    { actor: 'd1', before: MULTIPART, choice: '!slow' },
    { actor: 'd1', before: /^ledger\.record write/, choice: '!slow' },
  ),
  ...['small', 'large'].map((size) =>
    schedule(
      `a copy is on an instance whose clock is fast, and a newer delivery comes: ${size}`,
      `k1:A:replace:${size}:plain:p1:1,k1:A:replace:${size}:plain:p2+5m:1,k2:B:replace:${size}:plain:p3:1;;hand;`,
      { actor: 'd1', before: size === 'small' ? MULTIPART : CHUNK, nth: size === 'small' ? 1 : 2, choice: '>2' },
    ),
  ),
  schedule(
    'a process is paused after its last look, a copy is answered, and a newer delivery comes',
    'k1:A:replace:small:plain:p1:1,k1:A:replace:small:plain:p2:1,k2:B:replace:small:plain:p3:1;;hand;',
    { actor: 'd1', before: LEASE, choice: '>2' },
    { actor: 'd2', before: /^GET files\/f1$/, nth: 2, choice: '!freeze' },
  ),
  schedule(
    'a process is paused after it has replaced a file that a person has renamed, and a copy is answered with these bytes',
    'k1:A:replace:small:plain:p1:1,k1:A:replace:small:plain:p2:1;rename;hand;',
    { actor: 'd1', before: LEASE, choice: '>3' },
    { actor: 'd1', before: MULTIPART, choice: '!freeze' },
  ),
  schedule(
    'a request is slow, and its file is renamed and its copy delivered elsewhere meanwhile',
    'k1:A:replace:small:plain:p1:1,k1:A:replace:small:plain:p2:1;rename;hand;',
    { actor: 'd1', before: MULTIPART, choice: '!slow' },
    { actor: 'd2', before: FIRST_TRY, choice: '>3' },
  ),
  // Two tries of one delivery share an upload session.
  schedule(
    'another try completes the session before the first chunk, and a newer delivery replaces the file',
    'k1:A:replace:large:push:p1:1,k2:B:replace:large:push:p2:1,k1:A:replace:large:push:p3:1;;none;',
    { actor: 'd1', before: FIRST_TRY, choice: '>3' },
    { actor: 'd3', before: CHUNK, choice: '>1' },
  ),
  schedule(
    'another try completes the session with wrong bytes and removes them, beside a newer delivery',
    'k1:A:replace:large:push:p1:2,k2:B:replace:large:push:p2:1,k1:A:replace:large:push:p3:1;;hand;',
    { actor: 'd1', before: FIRST_TRY, choice: '>3' },
    { actor: 'd3', before: LEASE, choice: '>1' },
    { actor: 'd1', before: CHUNK, choice: '!crash-after' },
    { actor: 'd2', before: CHUNK, nth: 2, choice: '>3' },
    { actor: 'd3', before: LEASE, nth: 2, choice: '>1' },
    { actor: 'd1', before: CHUNK, nth: 3, choice: '!corrupt' },
  ),
  ...CHANGED_MEANWHILE,
  // Every key can be retried until it succeeds.
  schedule(
    'two opens of one key, the slower of which finds the file of the other, which is read-only by now',
    'k1:A:replace:small:upload:p1:1,k1:A:replace:small:upload:p2:1;;none;sub;read-only',
    { actor: 'd1', before: /^POST files$/, choice: '!503' },
  ),
  schedule(
    'a delivery is skipped, and its second try had begun before',
    'k1:A:skip:small:plain:p1:2,k2:B:skip:small:plain:p2:1;;none;',
    { actor: 'd1', before: /^ledger\.read file/, choice: '!freeze' },
    { actor: 'd2', before: /^ledger\.read delivery/, choice: '!freeze' },
    { actor: 'd1', before: MULTIPART, choice: '>2' },
    { actor: 'd2', before: /^ledger\.read file/, nth: 2, choice: '!slow' },
    { actor: 'd1', before: /^ledger\.read file/, nth: 2, choice: '!leave' },
    { actor: 'd1', before: /^ledger\.record file/, choice: '!freeze' },
  ),
  schedule(
    'the ledger is away before an upload session is opened, and another delivery makes the file',
    'k1:A:replace:small:upload:p1:1,k2:B:replace:small:plain:p2:1;;none;',
    { actor: 'd1', before: /^ledger\.read upload/, choice: '!fail' },
  ),
  schedule(
    'the process dies before an upload session is opened, and another delivery makes the file',
    'k1:A:replace:small:upload:p1:2,k2:B:replace:small:plain:p2:1;;none;',
    { actor: 'd1', before: SESSION_START, choice: '!crash' },
  ),
  schedule(
    'the process dies before a replacing upload session is opened, and the file is deleted',
    'k1:A:replace:small:upload:p1:2;delete;hand;',
    { actor: 'd1', before: SESSION_START, choice: '!crash' },
    { actor: 'd1', before: SECOND_TRY, choice: '>2' },
  ),
  schedule('Drive does not show the file when an upload is completed', 'k1:A:new:small:upload:p1:1;;none;', {
    actor: 'd1',
    before: /^GET files\/f1$/,
    choice: '!404',
  }),
  schedule('Drive does not show the file of a name once', 'k1:A:replace:small:plain:p1:1;;delivered;;lag', {
    actor: 'd1',
    before: /^GET files\/f1$/,
    choice: '!404',
  }),
  // A failure ends the delivery, not the process.
  schedule(
    'the caller disconnects before the folder is looked up, and the folder is in the trash',
    'k1:A:replace:small:plain:p1:1;trash-folder;none;sub',
    { actor: 'd1', before: /^ledger\.read file:/, choice: '!leave' },
    { actor: 'd1', before: /^GET files\/f1$/, nth: 2, choice: '>2' },
  ),
  schedule(
    'Drive does not show a file that the search before a commit finds',
    'k1:A:replace:large:push:p1:1;put;none;',
    { actor: 'd1', before: /^ledger\.claim session/, choice: '>2' },
    { actor: 'd1', before: /^ledger\.record delivery/, choice: '!slow' },
    { actor: 'd1', before: /^GET files\/f2$/, choice: '!404' },
  ),
  // Bytes that a file has held since before the delivery was planned are not the delivery's.
  schedule(
    'a try stops before it replaces bytes that are equal to its own',
    'k1:A:replace:small:push:p1:1,k2:B:replace:small:push:p1:1,k1:B:replace:small:push:p3:1;;none;',
    { actor: 'd1', before: /^ledger\.read delivery/, choice: '!slow' },
    { actor: 'd3', before: /^PATCH files\/f1/, choice: '!leave' },
  ),
  // Equal bytes that another delivery has written since count as the delivery's, since it may have written them as well.
  schedule(
    'a try stops before it creates the file, and another delivery creates it with equal bytes',
    'k1:B:replace:small:push:p1:1,k2:B:replace:small:push:p2:1;;none;',
    { actor: 'd1', before: MULTIPART, choice: '!leave' },
  ),
  schedule(
    'a try stops before it replaces the file, and another delivery replaces it by equal bytes',
    'k1:B:replace:small:push:p1:1,k2:B:replace:small:push:p2:1;;hand;',
    { actor: 'd1', before: /^ledger\.claim delivery/, choice: '!crash-after' },
  ),
  schedule(
    'equal bytes replace a file with wrong bytes before its upload is completed',
    'k1:A:replace:small:upload:p1:1,k2:A:replace:small:plain:p2:1;;none;',
    { actor: 'd1', before: CHUNK, choice: '!corrupt' },
    { actor: 'd1', before: /^GET files\/f1$/, nth: 2, choice: '>2' },
  ),
  schedule(
    'a person moves a new file with wrong bytes before its upload is completed',
    'k1:A:new:small:upload:p1:1,k1:A:new:small:upload:p2:1;move;none;',
    { actor: 'd1', before: CHUNK, choice: '!corrupt' },
    { actor: 'd1', before: /^GET files\/f1$/, choice: '>2' },
    { actor: 'd2', before: /^PUT session 1/, nth: 2, choice: '>3' },
  ),
  schedule(
    'a person takes a file out of the trash before a delivery that has claimed its name is tried again',
    'k1:A:replace:small:push:p1:1,k1:B:replace:small:push:p2:1,k3:C:skip:small:push:p3:1;trash,untrash;none;sub',
    { actor: 'd3', before: /^GET files\/f2$/, choice: '>4' },
    { actor: 'd3', before: /^GET files\/f3$/, choice: '!leave' },
  ),
  schedule(
    'the file of an upload is deleted before it is completed, and a later upload has its id',
    'k1:A:replace:small:upload:p1:1,k2:B:replace:small:upload:p2:1,k1:A:replace:small:upload:p3:1;delete;none;',
    { actor: 'd1', before: /^GET files\/f1$/, choice: '!slow' },
    { actor: 'd2', before: /^ledger\.read upload/, choice: '>4' },
    { actor: 'd2', before: CHUNK, nth: 2, choice: '!leave' },
  ),
  ...REVISED_PLANS,
  // A refusal by a limit that an archive waits for does not end the delivery of an entry.
  schedule(
    'the entries of an archive wait for the limits of their caller',
    'k1:ABC:replace:small:zip:p1:1,k1@b:AB:replace:small:zip:p1:1;;none;;limits',
  ),
  ...CONVERSIONS,
  // One document per name.
  schedule(
    'the ledger does not answer when a document is remembered by its name, and the search shows it late',
    'k1:A:replace:sheet:plain:p1:1,k2:B:replace:sheet:plain:p2:1;;none;;lag',
    { actor: 'd1', before: /^ledger\.read converted/, nth: 3, choice: '!lost' },
  ),
];
