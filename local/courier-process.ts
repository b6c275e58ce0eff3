import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { freePort } from './free-port.ts';

/** The courier in a separate process, run from source: the service, or one of the two functions. */
export interface CourierProcess {
  /** `http://127.0.0.1:PORT` */
  url: string;
  child: ChildProcess;
  /** The lines that it has printed so far. */
  lines: readonly string[];
  /** Sends SIGTERM. Resolves with the exit code. */
  stop(): Promise<number | null>;
  /** Sends SIGKILL. */
  kill(): Promise<void>;
}

export interface CourierProcessOptions {
  /** Its whole environment except PATH, so that it cannot find credentials of this machine. */
  env: Readonly<Record<string, string>>;
  form?: 'service' | 'courier' | 'courierEvent';
  /** Its entry file. Default: the one in this checkout. */
  entry?: string;
  /** The main file of functions-framework. Default: the one in this checkout. The function must import the same copy. */
  framework?: string;
  nodeOptions?: readonly string[];
  /** A program that sets something up and then executes the courier, with its arguments: `setpriv …`, `prlimit …`. */
  under?: readonly string[];
  /** Its working directory. Default: that of this process. */
  cwd?: string;
  /** Default: any free port. */
  port?: number;
}

const START_MS = 60_000;

const pathOf = (relative: string): string => fileURLToPath(new URL(relative, import.meta.url));
const FRAMEWORK = pathOf('../node_modules/@google-cloud/functions-framework/build/src/main.js');

const argumentsOf = ({ form = 'service', entry, framework, nodeOptions = [] }: CourierProcessOptions): string[] => {
  if (form === 'service') return [...nodeOptions, entry ?? pathOf('../src/server.ts')];
  // The framework accepts a folder or a file. A TypeScript file needs no build.
  const source = entry ?? pathOf('../src/function.ts');
  const signature = form === 'courierEvent' ? ['--signature-type=cloudevent'] : [];
  return [...nodeOptions, framework ?? FRAMEWORK, `--source=${source}`, `--target=${form}`, ...signature];
};

const portIn = (line: string): number | undefined => {
  if (!line.includes('listening on port')) return undefined;
  const { port } = JSON.parse(line) as { port?: number };
  return port;
};

/** Starts the courier and waits until it accepts requests. @throws with its output when it exits instead */
export const startCourierProcess = async (options: CourierProcessOptions): Promise<CourierProcess> => {
  // For port 0, functions-framework does not print the port that it got.
  const { env, form = 'service', port = form === 'service' ? 0 : await freePort() } = options;
  const { PATH = '' } = process.env;
  const [program = '', ...args] = [...(options.under ?? []), process.execPath, ...argumentsOf(options)];
  const child = spawn(program, args, {
    cwd: options.cwd,
    env: { PATH, HOME: '/nonexistent', CLOUDSDK_CONFIG: '/nonexistent', ...env, PORT: String(port) },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const lines: string[] = [];
  const exited = once(child, 'exit');
  const ready = new Promise<number>((resolve, reject) => {
    const timer = setTimeout(
      () => reject(new Error(`the courier did not start in time:\n${lines.join('\n')}`)),
      START_MS,
    );
    const onLine = (line: string): void => {
      lines.push(line);
      const found = form === 'service' ? portIn(line) : line.startsWith('URL:') ? port : undefined;
      if (found === undefined) return;
      clearTimeout(timer);
      resolve(found);
    };
    for (const stream of [child.stdout, child.stderr]) createInterface({ input: stream }).on('line', onLine);
    child.once('close', (code) => {
      clearTimeout(timer);
      reject(new Error(`the courier exited with code ${code}:\n${lines.join('\n')}`));
    });
  });
  const end = async (signal: NodeJS.Signals): Promise<number | null> => {
    if (child.exitCode === null && child.signalCode === null) child.kill(signal);
    const [code] = (await exited) as [number | null];
    return code;
  };
  try {
    return {
      url: `http://127.0.0.1:${await ready}`,
      child,
      lines,
      stop: () => end('SIGTERM'),
      kill: async () => void (await end('SIGKILL')),
    };
  } catch (error) {
    await end('SIGKILL');
    throw error;
  }
};
