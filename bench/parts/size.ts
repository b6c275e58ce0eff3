import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { type Contender, callerToken, courierFunction, courierService, run, samples } from '../programs/contenders.ts';
import type { Report } from '../figures.ts';
import { runLoad } from '../load.ts';
import { type GoogleProcess, pathOf } from '../programs/processes.ts';

const sizeOf = (path: string): number => {
  const stat = statSync(path);
  return stat.isDirectory() ? readdirSync(path).reduce((sum, name) => sum + sizeOf(join(path, name)), 0) : stat.size;
};

interface Held {
  modules: number;
  descriptors: number;
}

/** The files that a contender has loaded and holds open after its first file. */
const heldAfterOne = async (google: GoogleProcess, contender: Contender): Promise<Held> => {
  const token = await callerToken(google);
  const counting = { ...contender, node: [...contender.node, '--import', pathOf('bench/baselines/count-modules.mjs')] };
  const { url, pid, child, stop } = await run(counting);
  try {
    await runLoad({
      url: () => `${url}/?name=one.csv`,
      headers: () => ({ authorization: `Bearer ${token}`, 'content-type': 'text/csv' }),
      body: Buffer.from('day,orders\r\n'),
      requests: 1,
      concurrency: 1,
    });
    const { stdout } = child;
    if (stdout === null) throw new Error('no output');
    const modules = await new Promise<number>((resolve) => {
      createInterface({ input: stdout }).on('line', (line) => {
        const [, files] = /^\{"files":(\d+)\}$/.exec(line) ?? [];
        if (files !== undefined) resolve(Number(files));
      });
      child.kill('SIGUSR2');
    });
    return { modules, descriptors: readdirSync(`/proc/${pid}/fd`).length };
  } finally {
    await stop();
  }
};

/** The deployed files, and which of them a start opens. */
export const benchSize = async (google: GoogleProcess): Promise<Report> => {
  const dist = pathOf('dist');
  // The compile cache is created from the bundle, and the client runs on the callers' machines.
  const parts = readdirSync(dist).filter((name) => !['client', 'node_modules', '.compile-cache'].includes(name));
  const all = parts.reduce((sum, name) => sum + sizeOf(join(dist, name)), 0) / 1_000_000;
  const framework =
    ['functions-framework', 'lib/framework.js'].reduce((sum, name) => sum + sizeOf(join(dist, name)), 0) / 1_000_000;
  const service = await heldAfterOne(google, courierService(google));
  const asFunction = await heldAfterOne(google, courierFunction(google));
  const { modules } = await heldAfterOne(google, samples(google));
  return {
    title: 'Size',
    how: 'The size of what is deployed (the function includes its framework), and, after the first delivered file, the number of files loaded as modules and of open file descriptors.',
    columns: ['', 'dist/, MB', 'modules', 'descriptors'],
    rows: [
      ['courier, service', all - framework, service.modules, service.descriptors],
      ['courier, function', all, asFunction.modules, asFunction.descriptors],
      ['samples', '', modules, ''],
    ],
    bounds: [
      { what: 'dist/ of the service', value: all - framework, limit: 4.5, unit: ' MB' },
      { what: 'courier, service: modules loaded for the first file', value: service.modules, limit: 25 },
    ],
  };
};
