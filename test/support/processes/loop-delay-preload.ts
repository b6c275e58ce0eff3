import { renameSync, writeFileSync } from 'node:fs';
import { watchLoop } from './loop-delay.ts';

/**
 * Loaded before a program (`--import`, see `createLoopProbe`): reports the longest turn of its event loop in the file
 * LOOP_DELAY_FILE, and resets at SIGUSR2.
 */
const { LOOP_DELAY_FILE: file } = process.env;
if (file !== undefined) {
  let resets = 0;
  const loop = watchLoop((max) => {
    // This way a reader never sees a partial file.
    writeFileSync(`${file}.new`, JSON.stringify({ ...max, resets }));
    renameSync(`${file}.new`, file);
  });
  loop.reset();
  process.on('SIGUSR2', () => {
    resets += 1;
    loop.reset();
  });
}
