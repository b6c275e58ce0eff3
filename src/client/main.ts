import { runProgram } from './program.ts';
import { keepHeapSmall } from './small-heap.ts';

/** The first Ctrl-C ends the command in order, so that an upload can be resumed. The second one ends the process. */
const stopOnSignals = (): AbortSignal => {
  const controller = new AbortController();
  const stop = (signal: 'SIGINT' | 'SIGTERM', exitCode: number) => (): void => {
    if (controller.signal.aborted) process.exit(exitCode);
    controller.abort(signal);
  };
  process.on('SIGINT', stop('SIGINT', 130));
  process.on('SIGTERM', stop('SIGTERM', 75));
  return controller.signal;
};

const main = async (): Promise<void> => {
  const { env, stdin, stdout, stderr, argv } = process;
  // Exits without an error message when the reader of a pipe has closed it, as in `courier … | head`.
  stdout.on('error', () => process.exit(1));
  const signal = stopOnSignals();
  const context = { env, stdin, stdout, stderr, signal, now: Date.now, onManyFiles: keepHeapSmall };
  process.exitCode = await runProgram(argv.slice(2), context);
  // An unread standard input or an idle connection must not keep the process alive.
  stdout.write('', () => process.exit());
};

void main();
