import { CHUNK, MULTIPART, type NamedSchedule, schedule, SESSION_START } from './named-schedule.ts';

/** Schedules with the settings of a destination that violated an invariant before a fix. */
export const SETTING_SCHEDULES: readonly NamedSchedule[] = [
  schedule(
    'the retention is about to move a file to the trash, and an upload session replaces it meanwhile',
    'k1:A:new:small:plain:p1:1,k2:B:replace:small:upload:p2:1;;delivered;;keep',
    { actor: 'd1', before: /^PATCH files\/f1/, choice: '>2' },
  ),
  schedule(
    'a process pauses while it completes an upload session, the retention moves its file to the trash, and a copy sends it again',
    'k1:A:new:small:upload:p1:1,k1:A:new:small:upload:p2:2,k2:B:new:small:plain:p2:1;;none;;keep',
    { actor: 'd1', before: /^PATCH files\/f1/, choice: '!freeze' },
    { actor: 'd3', before: /^GET files\/destination/, choice: '!slow' },
  ),
  schedule(
    'the caller leaves while the file of its upload session is marked for the retention, and Drive does that after the receipt',
    'k1:A:new:small:upload:p1:2;;none;;keep',
    { actor: 'd1', before: /^PATCH files\/f1/, choice: '!leave-late' },
  ),
  // A receipt names the account that wrote the bytes, also if Drive has refused that account when it was tried again.
  schedule(
    'the answer to the creation of a file is lost, and Drive refuses the account when it is tried again',
    'k1:A:new:small:plain:p1:1;;none;;accounts+my-drive',
    { actor: 'd1', before: MULTIPART, choice: '!lost' },
    { actor: 'd1', before: MULTIPART, nth: 2, choice: '!reset' },
    { actor: 'd1', before: MULTIPART, nth: 3, choice: '!full' },
  ),
  schedule(
    'the process dies after it has replaced a file, another delivery replaces it, and then Drive refuses the account',
    'k1:A:replace:large:plain:p1:1,k2:B:replace:large:plain:p2:1,k1:A:replace:large:plain:p3:1;;hand;;accounts',
    { actor: 'd1', before: CHUNK, nth: 2, choice: '!crash-after' },
    { actor: 'd3', before: /^ledger\.read delivery/, choice: '!freeze' },
    { actor: 'd3', before: SESSION_START, choice: '!full' },
  ),
  schedule(
    'the answer to a conversion is lost, the search shows the document late, and Drive refuses the account in between',
    'k1:A:new:sheet:plain:p1:2,k1:A:new:sheet:plain:p2:2;;none;;lag+accounts+my-drive',
    { actor: 'd1', before: CHUNK, choice: '!crash-after' },
    { actor: 'd2', before: SESSION_START, choice: '!full' },
  ),
];
