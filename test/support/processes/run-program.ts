import { runProgram } from '../../../src/client/program.ts';

interface ProgramOptions {
  env?: Record<string, string>;
  stdin?: string;
  signal?: AbortSignal;
  /** Whether both outputs are terminals. */
  isTTY?: boolean;
}

async function* stdinOf(text: string): AsyncIterable<Uint8Array> {
  yield Buffer.from(text);
}

const listener = (isTTY: boolean) => {
  const texts: string[] = [];
  const write = (text: string | Uint8Array, onWritten?: () => void): boolean => {
    texts.push(String(text));
    onWritten?.();
    return true;
  };
  return { write, isTTY, columns: 100, text: () => texts.join('') };
};

/** Runs `courier …` in this process, without this machine's identities and settings. */
export const runInProcess = async (args: readonly string[], options: ProgramOptions = {}) => {
  const { env = {}, stdin = '', signal = new AbortController().signal, isTTY = false } = options;
  const [stdout, stderr] = [listener(isTTY), listener(isTTY)];
  const code = await runProgram(args, {
    env: { HOME: '/nonexistent', CLOUDSDK_CONFIG: '/nonexistent', ...env },
    stdin: stdinOf(stdin),
    stdout,
    stderr,
    signal,
    now: Date.now,
  });
  return { code, stdout: stdout.text(), stderr: stderr.text() };
};
