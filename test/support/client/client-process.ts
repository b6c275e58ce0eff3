import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import type { LocalGoogle } from '../../../local/google/server.ts';

export interface Run {
  code: number | null;
  stdout: string;
  stderr: string;
}

export interface RunOptions {
  env?: Record<string, string>;
  /** Written to standard input, which is then closed. */
  input?: string | Uint8Array;
  /** Default: the Node version that runs the tests. */
  node?: string;
  /** A program that sets something up and then executes the command, with its arguments: `setpriv …`. */
  under?: readonly string[];
  /** Receives the process while it runs. */
  watch?: (child: ChildProcess) => void;
}

const BIN = join(import.meta.dirname, '../../../bin/courier.js');

/** The environment in which the client is the exporter of a local Google, and keeps its sessions in a folder. */
export const exporterEnvironment = (
  { origin, world }: Pick<LocalGoogle, 'origin' | 'world'>,
  folder: string,
): Record<string, string> => ({
  COURIER_GOOGLE_ORIGIN: origin,
  GOOGLE_APPLICATION_CREDENTIALS: world.keyFiles.exporter ?? '',
  XDG_CACHE_HOME: folder,
});

/** Runs `courier …` as a process that has no access to this machine's identities. */
export const runCourier = async (args: readonly string[], options: RunOptions = {}): Promise<Run> => {
  const { env = {}, input, node = process.execPath, under = [], watch } = options;
  const [program = '', ...words] = [...under, node, BIN, ...args];
  const { PATH = '' } = process.env;
  const child = spawn(program, words, {
    env: { PATH, HOME: '/nonexistent', CLOUDSDK_CONFIG: '/nonexistent', NO_GCE_CHECK: 'true', ...env },
    stdio: [input === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
  });
  let [stdout, stderr] = ['', ''];
  child.stdout?.on('data', (part: Buffer) => {
    stdout += part.toString();
  });
  child.stderr?.on('data', (part: Buffer) => {
    stderr += part.toString();
  });
  child.stdin?.on('error', () => undefined);
  child.stdin?.end(input);
  watch?.(child);
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, stdout, stderr };
};
