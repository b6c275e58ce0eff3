import { OUTPUT_FAILED } from './commands/context.ts';
import { systemErrorText } from './http/system-errors.ts';
import { runProgram } from './program.ts';
import { keepHeapSmall } from './small-heap.ts';

/** The first Ctrl-C ends the command in order, so that an upload can be resumed. The second one ends the process. */
const stopOnSignals = (): AbortController => {
  const controller = new AbortController();
  const stop = (signal: 'SIGINT' | 'SIGTERM', exitCode: number) => (): void => {
    if (controller.signal.aborted) process.exit(exitCode);
    controller.abort(signal);
  };
  process.on('SIGINT', stop('SIGINT', 130));
  process.on('SIGTERM', stop('SIGTERM', 75));
  return controller;
};

const main = async (): Promise<void> => {
  const { env, stdin, stdout, stderr, argv } = process;
  const stopping = stopOnSignals();
  let isRunning = true;
  let hasFailed = false;
  const onError = (error: Error): void => {
    if (hasFailed) return;
    hasFailed = true;
    // No message when the reader of a pipe has closed it, as in `courier … | head`.
    const isClosed = 'code' in error && error.code === 'EPIPE';
    if (!isClosed)
      stderr.write(`courier: Standard output cannot be written: ${systemErrorText(error) ?? error.message}\n`);
    // A command that is sending files ends in order, so that it can say how to continue.
    if (isRunning) stopping.abort(OUTPUT_FAILED);
    else process.exit(1);
  };
  stdout.on('error', onError);
  const { signal } = stopping;
  const context = { env, stdin, stdout, stderr, signal, now: Date.now, onManyFiles: keepHeapSmall };
  process.exitCode = await runProgram(argv.slice(2), context);
  isRunning = false;
  if (hasFailed) process.exit(1);
  // An unread standard input or an idle connection must not keep the process alive.
  // If an earlier write has failed, this is called before the event.
  stdout.write('', (error) => (error ? onError(error) : process.exit()));
};

void main();
