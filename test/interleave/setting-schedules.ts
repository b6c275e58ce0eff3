import { type NamedSchedule, schedule } from './named-schedule.ts';

/** Schedules with the settings of a destination that violated an invariant before a fix. */
export const SETTING_SCHEDULES: readonly NamedSchedule[] = [
  schedule(
    'the retention is about to move a file to the trash, and an upload session replaces it meanwhile',
    'k1:A:new:small:plain:p1:1,k2:B:replace:small:upload:p2:1;;delivered;;keep',
    { actor: 'd1', before: /^PATCH files\/f1/, choice: '>2' },
  ),
];
