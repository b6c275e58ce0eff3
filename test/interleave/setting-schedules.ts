import { type NamedSchedule, schedule } from './named-schedule.ts';

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
];
