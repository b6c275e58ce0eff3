import type { VirtualProcess } from '../actors/actors.ts';

/** @param forget drops all that the process has begun */
export const createProcess = (name: string, forget: (dead: VirtualProcess) => void): VirtualProcess => {
  const { promise: died, resolve } = Promise.withResolvers<void>();
  const process: VirtualProcess = {
    ...{ name, alive: true, isFrozen: false, died },
    die() {
      process.alive = false;
      forget(process);
      resolve();
    },
  };
  return process;
};
