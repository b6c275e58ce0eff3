import { installClock } from './clock.ts';
import type { Stage } from './explore.ts';
import { type LocalDrive, openLocalDrive } from './local-drive.ts';
import { contexts } from './world.ts';

const START_MS = Date.UTC(2026, 0, 1, 12);
/** A local Drive keeps what it has seen; after so many schedules another one is opened. */
const RUNS_A_DRIVE = 300;

/** Takes over the process' clock, and opens a Drive in it. */
export const openStage = async (isForgetful = false): Promise<Stage & { close(): void }> => {
  // Loaded now, so that no schedule waits for a module.
  await import('googleapis/build/src/apis/drive/v3.js');
  const clock = installClock(START_MS, () => contexts.getStore());
  let drive: LocalDrive | undefined;
  let runs = 0;
  return {
    clock,
    isForgetful,
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
