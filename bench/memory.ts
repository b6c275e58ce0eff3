import { setTimeout as delay } from 'node:timers/promises';
import { type Contender, run } from './programs/contenders.ts';
import { median } from './figures.ts';
import { type Load, runLoad } from './load.ts';

const MEBIBYTE = 1024 * 1024;
/** By then everything that is prefetched has arrived. */
const SETTLED_MS = 1_500;
const DELIVERIES = 1_000;

/**
 * The memory of a fresh process that is idle, and after a thousand deliveries: medians over several processes, in MiB.
 */
export const measureMemory = async (
  contender: Contender,
  { processes, asked }: { processes: number; asked: (url: string) => Pick<Load, 'url' | 'headers' | 'body'> },
): Promise<{ idle: number; after: number }> => {
  const held: { idle: number; after: number }[] = [];
  for (let at = 0; at < processes; at++) {
    const service = await run(contender, { core: 1 });
    try {
      await delay(SETTLED_MS);
      const idle = service.residentBytes() / MEBIBYTE;
      await runLoad({ ...asked(service.url), requests: DELIVERIES, concurrency: 8 });
      held.push({ idle, after: service.residentBytes() / MEBIBYTE });
    } finally {
      await service.stop();
    }
  }
  return { idle: median(held.map(({ idle }) => idle)), after: median(held.map(({ after }) => after)) };
};
