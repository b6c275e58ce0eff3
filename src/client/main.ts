#!/usr/bin/env node
import { runProgram } from './program.ts';

/** At the first Ctrl-C what runs is wound up (an upload stays resumable); the second one ends at once. */
const stopOnSignals = (): AbortSignal => {
  const controller = new AbortController();
  const stop = (): void => {
    if (controller.signal.aborted) process.exit(75);
    controller.abort();
  };
  process.on('SIGINT', stop);
  process.on('SIGTERM', stop);
  return controller.signal;
};

const { env, stdin, stdout, stderr, argv } = process;
// `courier … | head` is no reason for a stack trace.
stdout.on('error', () => process.exit(1));

process.exitCode = await runProgram(argv.slice(2), {
  env,
  stdin,
  stdout,
  stderr,
  signal: stopOnSignals(),
  now: Date.now,
});
// Standard input that nobody reads any more, or a connection kept alive, must not keep the process.
stdout.write('', () => process.exit());
