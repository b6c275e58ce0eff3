import { Argument, type Command, Option } from 'commander';
import { COLUMN_RULES, CONFLICT_RULES, CONVERSIONS, ROLLOVERS } from '../../domain.ts';
import type { ExitCode } from '../errors.ts';
import { completionScript, SHELLS, type Shell } from './completion.ts';
import {
  configGetCommand,
  configListCommand,
  configPathCommand,
  configSetCommand,
  configUnsetCommand,
} from './config/config.ts';
import { CONFIG_KEYS } from './config/config-file.ts';
import type { Context, GlobalOptions } from './context.ts';
import { type ExportFlags, exportCommand, sendCommand } from './deliver.ts';
import { type TokenFlags, tokenCommand, whoamiCommand } from './identity.ts';
import { type DoctorFlags, destinationsCommand, doctorCommand } from './inspect.ts';
import { type LoginFlags, loginCommand } from './login.ts';

/** The command that was found, and the parts of the result that are not errors. */
export interface Outcome {
  exitCode: 0 | ExitCode;
  /** The command that was found, the innermost one for `config set`. */
  command: Command | undefined;
}

const examples = (...lines: string[]): string => `\nExamples:\n${lines.map((line) => `  ${line}`).join('\n')}`;

/** The options of a command and all options of the program. */
const flagsOf = (command: Command): GlobalOptions => command.optsWithGlobals();

/** An option that can be given several times. */
const collect = (value: string, before: readonly string[] = []): string[] => [...before, value];

/** The options of `send` for several files. */
const addManyOptions = (command: Command): Command =>
  command
    .option(
      '--manifest <file>',
      'file that records what was delivered; running the command again sends what is missing or changed',
    )
    .option('--include <pattern>', 'send only matching files (gitignore syntax, can be repeated)', collect)
    .option('--exclude <pattern>', 'leave out matching files and folders (gitignore syntax, can be repeated)', collect)
    .option('--hidden', 'also send files and folders whose names begin with a dot')
    .option('--follow-symlinks', 'follow symbolic links in folders')
    .option('--concurrency <number>', 'files at the same time; fewer while the courier is at capacity (default: 8)')
    .option('--dry-run', 'list what would be sent');

const addSend = (program: Command, context: Context, outcome: Outcome): void => {
  const command = program
    .command('send')
    .argument('<path...>', 'files, folders and glob patterns; - for standard input')
    .description('send files and folders; interrupted uploads of large files are resumed')
    .option('--to <destination>', 'destination (default: the only one, else "default")')
    .option('--name <name>', 'name in Drive (default: the name of the file)')
    .option('--path <path>', 'folders below the destination, created if missing: reports/2026/11')
    .addOption(new Option('--on-conflict <rule>', 'what to do if the name is taken').choices(CONFLICT_RULES))
    .addOption(new Option('--convert-to <format>', 'Google format to convert the file to').choices(CONVERSIONS))
    .option('--tab <name>', 'with --convert-to sheet: tab for the rows, created if missing (default: the first)')
    .addOption(
      new Option(
        '--columns <rule>',
        'with --convert-to sheet: add columns that the tab lacks, or reject the rows',
      ).choices(COLUMN_RULES),
    )
    .option('--dates', 'with --convert-to sheet: store ISO dates and times as date cells')
    .addOption(
      new Option('--rollover <period>', 'with --on-conflict append: put the rows into a tab for each month').choices(
        ROLLOVERS,
      ),
    )
    .option('--description <text>', 'description in Drive')
    .option('--preserve-times', "send the file's own times of modification and creation")
    .option('--modified-time <time>', 'time of modification, such as 2026-11-28T09:00:00Z (default: now)')
    .option('--created-time <time>', 'time of creation (default: now)')
    .option('--property <key=value>', 'public property in Drive; may be repeated', (pair, all: string[] = []) => [
      ...all,
      pair,
    ])
    .option('--keep-revision-forever', 'keep this revision until it is deleted, instead of for 30 days')
    .option('--mime-type <type>', 'media type (default: derived from the name)')
    .option('--key <key>', 'idempotency key; the same key never creates a second file (default: a new key)');
  addManyOptions(command)
    .addHelpText(
      'after',
      examples(
        'courier send sales.csv --path reports/2026/11 --key sales-2026-11-28',
        'courier send sales.csv --convert-to sheet --on-conflict replace',
        'courier send sales.csv --name Sales --convert-to sheet --on-conflict append --key sales-2026-11-28',
        'tar -cz logs | courier send - --name logs.tar.gz',
        "courier send exports/ --path archive --include '*.csv' --manifest exports.jsonl",
      ),
    )
    .action(async (paths: string[], _, command: Command) => {
      outcome.exitCode = await sendCommand(context, paths, flagsOf(command));
    });
};

const addExport = (program: Command, context: Context): void => {
  program
    .command('export')
    .argument('<document>', 'file with an export document in JSON, or the JSON itself; - for standard input')
    .description(
      'create a file from an export document: text, JSON, rows, an object in Cloud Storage, or the result of a query',
    )
    .option('--key <key>', 'idempotency key, unless the document has one (default: a new key)')
    .addHelpText(
      'after',
      examples(
        'courier export document.json --key orders-2026-11-28',
        `courier export '{"name": "hello.txt", "source": {"text": "Hello"}}'`,
      ),
    )
    .action((document: string, _, command: Command) =>
      exportCommand(context, document, flagsOf(command) as ExportFlags),
    );
};

const addIdentity = (program: Command, context: Context): void => {
  program
    .command('token')
    .description('print an ID token for the courier')
    .option('--access', 'print an access token instead')
    .option('--scopes <scope...>', 'scopes of the access token')
    .addHelpText('after', examples('curl -H "Authorization: Bearer $(courier token)" "$COURIER_URL/v1/destinations"'))
    .action((_, command: Command) => tokenCommand(context, flagsOf(command) as TokenFlags));
  program
    .command('whoami')
    .description('print the identity that calls, where it was found, and the claims of its ID token')
    .addHelpText(
      'after',
      examples('courier whoami', 'courier whoami --impersonate exporter@my-proj.iam.gserviceaccount.com'),
    )
    .action((_, command: Command) => whoamiCommand(context, flagsOf(command)));
  program
    .command('login')
    .description('let a person authorize the courier to write to their Drive, and save the credentials')
    .requiredOption('--client <file>', 'OAuth client of the type "Desktop app", downloaded from the Cloud console')
    .option('--scopes <scope...>', 'scopes to request (default: Drive)')
    .option('--out <file>', 'file to save the credentials to, readable only by you (default: print them)')
    .option('--secret <name>', 'secret to add the credentials to: projects/PROJECT/secrets/NAME')
    .option('--login-hint <email>', 'account to preselect on the consent page')
    .option('--no-browser', 'print the URL of the consent page without opening it')
    .addHelpText('after', examples('courier login --client client.json --secret projects/my-proj/secrets/drive-key'))
    .action((_, command: Command) => loginCommand(context, flagsOf(command) as LoginFlags));
};

const addInspection = (program: Command, context: Context, outcome: Outcome): void => {
  program
    .command('destinations')
    .description('list the destinations that this identity may write to')
    .addHelpText('after', examples('courier destinations', 'courier destinations --json'))
    .action((_, command: Command) => destinationsCommand(context, flagsOf(command)));
  program
    .command('doctor')
    .description("check the courier's set-up against Google (operators only)")
    .option('--all', 'print every check, not only what needs attention')
    .option('--write', 'also create and delete a probe file in each destination')
    .addHelpText('after', examples('courier doctor', 'courier doctor --write --all'))
    .action(async (_, command: Command) => {
      if (!(await doctorCommand(context, flagsOf(command) as DoctorFlags))) outcome.exitCode = 1;
    });
};

const addConfig = (program: Command, context: Context, outcome: Outcome): void => {
  const keys = Object.entries(CONFIG_KEYS).map(([key, meaning]) => `  ${key.padEnd(12)} ${meaning}`);
  const config = program
    .command('config')
    .description('read and change the configuration file of this command')
    .addHelpText(
      'after',
      `\nKeys:\n${keys.join('\n')}\n\nOptions take precedence over environment variables, and those over the file.\n${examples(
        'courier config set url https://courier-xyz.a.run.app',
        'courier config list',
      )}`,
    );
  config
    .command('set')
    .argument('<key>', 'key')
    .argument('<value>', 'value')
    .description('set a key')
    .addHelpText('after', examples('courier config set url https://courier-xyz.a.run.app'))
    .action((name: string, value: string) => configSetCommand(context, name, value));
  config
    .command('unset')
    .argument('<key>', 'key')
    .description('remove a key')
    .addHelpText('after', examples('courier config unset impersonate'))
    .action((name: string) => configUnsetCommand(context, name));
  config
    .command('get')
    .argument('<key>', 'key')
    .description('print the value of a key in the file; exits 1 if it is not set')
    .addHelpText('after', examples('courier config get url'))
    .action(async (name: string, _, command: Command) => {
      if (!(await configGetCommand(context, name, flagsOf(command)))) outcome.exitCode = 1;
    });
  config
    .command('list')
    .description('print all settings in effect, and where each comes from')
    .addHelpText('after', examples('courier config list'))
    .action((_, command: Command) => configListCommand(context, flagsOf(command)));
  config
    .command('path')
    .description('print the path of the file')
    .addHelpText('after', examples('courier config path'))
    .action((_, command: Command) => configPathCommand(context, flagsOf(command)));
};

const addCompletion = (program: Command, context: Context): void => {
  program
    .command('completion')
    .addArgument(new Argument('<shell>', 'shell').choices(SHELLS))
    .description('print a script that completes commands and options in a shell')
    .addHelpText(
      'after',
      examples(
        'source <(courier completion bash)                                    # in ~/.bashrc',
        'courier completion zsh > ~/.zfunc/_courier                           # a folder in $fpath',
        'courier completion fish > ~/.config/fish/completions/courier.fish',
      ),
    )
    .action((shell: Shell) => {
      context.stdout.write(completionScript(program, shell));
    });
};

/** Remembers which command was found: its help is more specific than that of the program. */
const watchCommands = (program: Command, outcome: Outcome): void => {
  for (const each of [program, ...program.commands]) {
    each.hook('preSubcommand', (_, command) => {
      outcome.command = command;
    });
  }
};

export const addCommands = (program: Command, context: Context, outcome: Outcome): void => {
  addSend(program, context, outcome);
  addExport(program, context);
  addIdentity(program, context);
  addInspection(program, context, outcome);
  addConfig(program, context, outcome);
  addCompletion(program, context);
  watchCommands(program, outcome);
};
