import { type LocalDrive, openLocalDrive } from './actors/local-drive.ts';
import { installClock } from './schedules/clock.ts';
import type { Stage } from './schedules/explore.ts';
import { contexts } from './world.ts';

const START_MS = Date.UTC(2026, 0, 1, 12);
/** The local Drive's data grows, so a new one is opened after this many schedules. */
const RUNS_A_DRIVE = 300;

/** Installs the virtual clock and opens a local Drive. */
export const openStage = async (hasBrokenLedger = false): Promise<Stage & { close(): void }> => {
  // Loaded in advance, so that no schedule waits for a module.
  await import('googleapis/build/src/apis/drive/v3.js');
  await Promise.all([
    import('../../src/delivery/retention.ts'),
    import('../../src/delivery/policy.ts'),
    import('../../src/delivery/store/next-account.ts'),
    import('../../src/delivery/store/locks.ts'),
    import('../../src/delivery/store/rows/write-rows.ts'),
    import('../../src/delivery/store/rows/plan-rows.ts'),
    import('../../src/sheets/replace/prepare-replacement.ts'),
  ]);
  const clock = installClock(START_MS, () => contexts.getStore());
  let drive: LocalDrive | undefined;
  let runs = 0;
  return {
    clock,
    hasBrokenLedger,
    drive() {
      runs += 1;
      if (drive !== undefined && runs % RUNS_A_DRIVE === 0) {
        drive.close();
        drive = undefined;
      }
      drive ??= openLocalDrive(clock.now);
      return drive;
    },
    close() {
      drive?.close();
      clock.uninstall();
    },
  };
};
