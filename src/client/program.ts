import { readFileSync } from 'node:fs';
import { findPackageJSON } from 'node:module';
import { Command, CommanderError, Option } from 'commander';
import { CONFLICT_RULES, CONVERSIONS } from '../domain.ts';
import type { Context, GlobalOptions } from './commands/context.ts';
import { type ExportFlags, exportCommand, sendCommand } from './commands/deliver.ts';
import { type TokenFlags, tokenCommand, whoamiCommand } from './commands/identity.ts';
import { type DoctorFlags, destinationsCommand, doctorCommand } from './commands/inspect.ts';
import { type LoginFlags, loginCommand } from './commands/login.ts';
import { asClientError, type CourierClientError, type ExitCode, failure } from './errors.ts';

const EXIT_CODES = 'Exit codes: 0 delivered, 1 failed for good, 75 worth trying again, 64 wrong usage.';

/** Of the nearest package.json: the project's beside the sources, the client's own beside what is built. */
const version = (): string => {
  const path = findPackageJSON(import.meta.url);
  const { version: text }: { version?: unknown } = path === undefined ? {} : JSON.parse(readFileSync(path, 'utf8'));
  return typeof text === 'string' ? text : 'unknown';
};

interface Told {
  /** A command ended without an error but not well. */
  done(exitCode: ExitCode): void;
  /** A command was found in what was written. */
  begun(command: string): void;
}

const commands = (context: Context, { done, begun }: Told): Command => {
  const program = new Command('courier')
    .description('Puts files where people look for them in Google Drive, by way of a drive-courier service.')
    .version(version(), '--version', 'print the version of the client')
    .option('--url <url>', 'where the courier is (default: COURIER_URL)')
    .option('--audience <url>', "the ID token's audience (default: COURIER_AUDIENCE, else the courier's URL)")
    .option('--key-file <path>', 'a Google credentials file of any kind (default: found as Google’s libraries do)')
    .option('--impersonate <email>', 'act as this service account')
    .option('--json', 'print one JSON line, errors too')
    .addHelpText('after', `\n${EXIT_CODES}`)
    .showHelpAfterError(false)
    .exitOverride()
    .hook('preSubcommand', (_, command) => begun(command.name()))
    .configureOutput({
      writeOut: (text) => context.stdout.write(text),
      // What commander says about wrong usage is told in the client's own form.
      writeErr: () => undefined,
    });
  const flagsOf = (command: Command): GlobalOptions => command.optsWithGlobals();

  program
    .command('send')
    .argument('<file>', 'what to send; - is standard input')
    .description('send a file; a large one goes on where it was cut')
    .option('--to <destination>', 'the destination (default: the only one, else "default")')
    .option('--name <name>', "the file's name in Drive (default: its own)")
    .option('--path <path>', 'folders below the destination, made if missing: reports/2026/11')
    .addOption(new Option('--on-conflict <rule>', 'when the name is taken').choices(CONFLICT_RULES))
    .addOption(new Option('--convert-to <kind>', 'make it a Google document').choices(CONVERSIONS))
    .option('--description <text>', "the file's description in Drive")
    .option('--mime-type <type>', 'its media type (default: what the name suggests)')
    .option('--key <key>', 'the Idempotency-Key: the same key gives the same file (default: a new one)')
    .action((file: string, _, command: Command) => sendCommand(context, file, flagsOf(command)));
  program
    .command('export')
    .argument('<document>', 'a file with the export document’s JSON, or the JSON itself; - is standard input')
    .description('have the courier make a file of text, JSON, rows, or an object in Cloud Storage')
    .option('--key <key>', 'the Idempotency-Key, unless the document has its own (default: a new one)')
    .action((document: string, _, command: Command) =>
      exportCommand(context, document, flagsOf(command) as ExportFlags),
    );
  program
    .command('token')
    .description('print an ID token for the courier')
    .option('--access', 'print an access token instead')
    .option('--scopes <scope...>', 'with --access')
    .action((_, command: Command) => tokenCommand(context, flagsOf(command) as TokenFlags));
  program
    .command('whoami')
    .description('say which identity is found, how, and what its ID token claims')
    .action((_, command: Command) => whoamiCommand(context, flagsOf(command)));
  program
    .command('login')
    .description('have a person agree that the courier writes to their Drive; makes a credentials file for it')
    .requiredOption('--client <file>', 'the OAuth client (Desktop app) as the Cloud console has it downloaded')
    .option('--scopes <scope...>', 'what to ask for (default: Drive)')
    .option('--out <file>', 'where to save it, readable by you alone (default: print it)')
    .option('--secret <name>', 'store it as a new version of projects/PROJECT/secrets/NAME')
    .option('--login-hint <email>', 'whom the page is to suggest')
    .option('--no-browser', 'only name the page, do not open it')
    .action((_, command: Command) => loginCommand(context, flagsOf(command) as LoginFlags));
  program
    .command('destinations')
    .description('list where this identity may write')
    .action((_, command: Command) => destinationsCommand(context, flagsOf(command)));
  program
    .command('doctor')
    .description("check the courier's set-up against Google (operators only)")
    .option('--all', 'print every check, not only what somebody has to act on')
    .option('--write', 'also put a probe file into each destination, and remove it')
    .action(async (_, command: Command) => {
      if (!(await doctorCommand(context, flagsOf(command) as DoctorFlags))) done(1);
    });
  return program;
};

const withoutDot = (sentence: string): string => sentence.replace(/\.$/, '');

/** Title and detail, each where it says something: a courier's detail may repeat its title, and wrong usage has but one title. */
const whatHappened = ({ code, title, detail }: CourierClientError): string => {
  if (detail === undefined || withoutDot(detail) === withoutDot(title)) return title;
  return code === 'usage' ? detail : `${title}: ${detail}`;
};

const errorText = (error: CourierClientError): string => {
  const { code, remedy, requestId, idempotencyKey } = error;
  return [
    `courier: ${code}: ${whatHappened(error)}`,
    `  ${remedy}`,
    ...(idempotencyKey === undefined ? [] : [`  again with --key ${idempotencyKey}, so that nothing is doubled`]),
    ...(requestId === undefined ? [] : [`  request ${requestId}`]),
  ].join('\n');
};

/** Commander's words, but for help with what does not exist, of which it says no more than "(outputHelp)". */
const usageOf = ({ code, message }: CommanderError): CourierClientError =>
  failure('usage', {
    detail: code === 'commander.help' ? 'There is no such command to help with.' : message.replace(/^error: /, ''),
  });

/** @param command the one that was found, whose help says more than that of all */
const asFailure = (error: unknown, command: string | undefined): CourierClientError => {
  const failed = error instanceof CommanderError ? usageOf(error) : asClientError(error);
  const { detail, remedy } = failed;
  const isPlainUsage = failed.code === 'usage' && remedy === failure('usage').remedy;
  if (!isPlainUsage || command === undefined) return failed;
  return failure('usage', { detail, remedy: `"courier help ${command}" says what is expected.`, cause: failed });
};

/** Runs one command line. @returns its exit code */
export const runProgram = async (argv: readonly string[], context: Context): Promise<0 | ExitCode> => {
  let exitCode: 0 | ExitCode = 0;
  let begun: string | undefined;
  const program = commands(context, {
    done: (code) => {
      exitCode = code;
    },
    begun: (command) => {
      begun = command;
    },
  });
  try {
    if (argv.length === 0) throw failure('usage', { detail: `No command. ${EXIT_CODES}` });
    await program.parseAsync([...argv], { from: 'user' });
    return exitCode;
  } catch (error) {
    // Help and version that were asked for.
    if (error instanceof CommanderError && error.exitCode === 0) return 0;
    const failed = asFailure(error, begun);
    if (argv.includes('--json')) context.stdout.write(`${JSON.stringify(failed)}\n`);
    else context.stderr.write(`${errorText(failed)}\n`);
    return failed.exitCode;
  }
};
