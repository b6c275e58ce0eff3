import { setTimeout as sleep } from 'node:timers/promises';
import type { LocalGoogle } from '../../../../local/google/server.ts';

/** Waits between two deliveries, so that they differ in the time by Drive's clock, which the courier knows to the second. */
export const pauseBetweenDeliveries = (): Promise<void> => sleep(2_500);

/**
 * Waits until the retention has moved one of the files to the trash, and a moment longer, in which it must not move another.
 * Returns for each file whether it is in the trash; undefined if it does not exist.
 */
export const waitForTrash = async (
  { drive }: Pick<LocalGoogle, 'drive'>,
  ids: readonly string[],
): Promise<(boolean | undefined)[]> => {
  const isTrashed = (id: string): boolean | undefined => drive.files().find((file) => file.id === id)?.trashed;
  for (let turn = 0; turn < 100 && !ids.some(isTrashed); turn++) await sleep(50);
  await sleep(300);
  return ids.map(isTrashed);
};
