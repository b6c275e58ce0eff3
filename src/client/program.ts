import { Command, CommanderError } from 'commander';
import { addCommands, type Outcome } from './commands/catalog.ts';
import { type Context, errColors, OUTPUT_FAILED } from './commands/context.ts';
import { hasColor } from './commands/output/colors.ts';
import { asTerminalText } from './commands/output/terminal-text.ts';
import { asClientError, CourierClientError, type ExitCode, failure } from './errors.ts';
import { VERSION } from './version.ts';

const EXIT_CODES =
  'Exit codes: 0 success, 1 failed and retrying does not help, 64 wrong usage, 75 try again later, 130 stopped by Ctrl-C.';

const createProgram = (context: Context, outcome: Outcome): Command => {
  const { stdout, stderr, env } = context;
  const program = new Command('courier')
    .description('Send files to Google Drive through a drive-courier service.')
    .version(VERSION, '--version', 'print the version of the client')
    .option('--url <url>', 'URL of the courier (default: COURIER_URL, else "url" of the configuration file)')
    .option('--audience <url>', 'audience of the ID token (default: COURIER_AUDIENCE, else the URL of the courier)')
    .option('--key-file <path>', "Google credentials file of any kind (default: found as Google's libraries do)")
    .option('--impersonate <email>', 'service account to impersonate')
    .option('--json', 'print one JSON line, also for errors')
    .option('-v, --verbose', 'print each request and its answer to stderr, without secrets')
    .showHelpAfterError(false)
    .exitOverride()
    .configureHelp({
      showGlobalOptions: true,
      styleTitle: (text) => (hasColor(stdout, env) ? `\u001b[1m${text}\u001b[22m` : text),
    })
    .configureOutput({
      writeOut: (text) => stdout.write(text),
      // runProgram prints usage errors in the form of all other errors.
      writeErr: () => undefined,
      getOutHelpWidth: () => stdout.columns ?? 100,
      getErrHelpWidth: () => stderr.columns ?? 100,
      getOutHasColors: () => hasColor(stdout, env),
    });
  addCommands(program, context, outcome);
  return program.addHelpText(
    'after',
    `
Examples:
  courier config set url https://courier-xyz.a.run.app
  courier send report.csv --path reports/2026/11
  pg_dump shop | courier send - --name shop.sql --key shop-2026-11-28

"courier help COMMAND" shows the options of a command.
${EXIT_CODES}`,
  );
};

const withoutDot = (sentence: string): string => sentence.replace(/\.$/, '');

/** Title and detail, unless one of them adds nothing: a detail may repeat its title, and usage errors share one title. */
const summaryOf = ({ code, title, detail }: CourierClientError): string => {
  if (detail === undefined || withoutDot(detail) === withoutDot(title)) return title;
  return code === 'usage' ? detail : `${title}: ${detail}`;
};

const errorText = (context: Context, error: CourierClientError): string => {
  const { code, remedy, requestId, idempotencyKey } = error;
  const { red } = errColors(context);
  return [
    `${red(`courier: ${code}:`)} ${summaryOf(error)}`,
    `  ${remedy}`,
    ...(idempotencyKey === undefined ? [] : [`  To avoid a duplicate, add --key ${idempotencyKey}`]),
    ...(requestId === undefined ? [] : [`  request ${requestId}`]),
  ].join('\n');
};

/** Commander puts its suggestion, "(Did you mean send?)", on a line of its own. */
const usageError = ({ code, message }: CommanderError): CourierClientError =>
  failure('usage', {
    detail: code === 'commander.help' ? 'Missing command.' : message.replace(/^error: /, '').replaceAll('\n', ' '),
  });

/** The command as people type it: `config set`. */
const pathOf = (command: Command): string =>
  command.parent?.parent ? `${pathOf(command.parent)} ${command.name()}` : command.name();

/** @param command the command that was found; its help is more specific */
const toClientError = (error: unknown, command: Command | undefined, signal: AbortSignal): CourierClientError => {
  const failed = error instanceof CommanderError ? usageError(error) : asClientError(error);
  if (failed.code === 'stopped' && signal.reason === 'SIGINT') {
    return new CourierClientError({ ...failed, exitCode: 130, cause: failed.cause });
  }
  if (failed.code === 'stopped' && signal.reason === OUTPUT_FAILED) {
    const detail = 'Standard output cannot be written';
    const remedy = 'Make sure that the output can be written and is read to its end, then run the same command again.';
    return new CourierClientError({ ...failed, detail, remedy, exitCode: 1, cause: failed.cause });
  }
  const { detail, remedy } = failed;
  const isPlainUsage = failed.code === 'usage' && remedy === failure('usage').remedy;
  if (!isPlainUsage || command === undefined) return failed;
  return failure('usage', { detail, remedy: `"courier ${pathOf(command)} --help" lists its options.`, cause: failed });
};

/** Time that a stopped command has to end by itself, so that it can print how to resume. */
const GRACE_MS = 2_000;

/** Rejects some time after the signal: most commands cannot be stopped while they wait for Google. */
const stoppedBy = (signal: AbortSignal): Promise<never> =>
  new Promise((_, reject) => {
    const stop = (): void => {
      setTimeout(() => reject(failure('stopped')), GRACE_MS).unref();
    };
    if (signal.aborted) stop();
    else signal.addEventListener('abort', stop, { once: true });
  });

/** Runs one command line and prints its errors. @returns the exit code */
export const runProgram = async (argv: readonly string[], given: Context): Promise<0 | ExitCode> => {
  const context = { ...given, stdout: asTerminalText(given.stdout), stderr: asTerminalText(given.stderr) };
  const outcome: Outcome = { exitCode: 0, command: undefined };
  const program = createProgram(context, outcome);
  try {
    if (argv.length === 0) {
      program.outputHelp();
      return 0;
    }
    // "help sned" gets the same answer as "sned": an error with a suggestion.
    const at = argv.findIndex((word) => !word.startsWith('-'));
    const topic = argv[at] === 'help' ? argv[at + 1] : undefined;
    const isUnknown = topic !== undefined && program.commands.every((each) => each.name() !== topic);
    const words = isUnknown ? argv.toSpliced(at, 1) : [...argv];
    await Promise.race([program.parseAsync(words, { from: 'user' }), stoppedBy(context.signal)]);
    return outcome.exitCode;
  } catch (error) {
    if (error instanceof CommanderError && error.code === 'commander.help' && outcome.command !== undefined) {
      // A command that only has subcommands, such as "config".
      outcome.command.outputHelp();
      return 0;
    }
    // Help and version.
    if (error instanceof CommanderError && error.exitCode === 0) return 0;
    const failed = toClientError(error, outcome.command, context.signal);
    const isReadable = context.signal.reason !== OUTPUT_FAILED;
    if (argv.includes('--json') && isReadable) context.stdout.write(`${JSON.stringify(failed)}\n`);
    else context.stderr.write(`${errorText(context, failed)}\n`);
    return failed.exitCode;
  }
};
