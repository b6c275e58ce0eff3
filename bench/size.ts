import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { courierService, run } from './contenders.ts';
import type { Report } from './figures.ts';
import { type GoogleProcess, pathOf } from './processes.ts';

const sizeOf = (path: string): number => {
  const stat = statSync(path);
  return stat.isDirectory() ? readdirSync(path).reduce((sum, name) => sum + sizeOf(join(path, name)), 0) : stat.size;
};

/** What is deployed, and how many of its files a start opens. */
export const benchSize = async (google: GoogleProcess): Promise<Report> => {
  const dist = pathOf('../dist');
  // The compile cache is made from the bundle, and the client is not part of the service.
  const parts = readdirSync(dist).filter((name) => !['client', 'node_modules', '.compile-cache'].includes(name));
  const bytes = parts.reduce((sum, name) => sum + sizeOf(join(dist, name)), 0);
  const service = await run(courierService(google));
  const descriptors = readdirSync(`/proc/${service.pid}/fd`).length;
  await service.stop();
  return {
    title: 'Size',
    how: 'What is deployed, and the file descriptors that an idle service holds.',
    columns: ['', 'figure'],
    rows: [
      ['dist/ of the service, MB', bytes / 1_000_000],
      ['open file descriptors', descriptors],
    ],
    bounds: [{ what: 'dist/ of the service', value: bytes / 1_000_000, floor: 4, unit: ' MB' }],
  };
};
