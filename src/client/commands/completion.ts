import type { Command, Option } from 'commander';

export const SHELLS = ['bash', 'zsh', 'fish'] as const;
export type Shell = (typeof SHELLS)[number];

/** What the scripts need to know about one option. */
interface Flag {
  /** `--on-conflict`, and `-v` where there is a short form. */
  names: string[];
  description: string;
  takesValue: boolean;
  /** Allowed values, if there is a fixed list. */
  choices: readonly string[];
}

interface Entry {
  name: string;
  description: string;
  flags: Flag[];
  /** Words that may follow: subcommands, or the values of the first argument. Empty: a file. */
  words: readonly string[];
}

const flagOf = ({ short, long, description, required, optional, argChoices }: Option): Flag => ({
  names: [long, short].filter((name) => typeof name === 'string'),
  description,
  takesValue: required || optional,
  choices: argChoices ?? [],
});

const HELP: Flag = { names: ['--help', '-h'], description: 'print help', takesValue: false, choices: [] };

const entryOf = (command: Command, globals: readonly Flag[]): Entry => ({
  name: command.name(),
  description: command.description(),
  flags: [...command.options.map(flagOf), ...globals],
  words:
    command.commands.length > 0
      ? command.commands.map((each) => each.name())
      : (command.registeredArguments[0]?.argChoices ?? []),
});

const quoted = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`;
const namesIn = (flags: readonly Flag[]): string => flags.flatMap(({ names }) => names).join(' ');
const patternOf = (flags: readonly Flag[]): string => [...new Set(flags.flatMap(({ names }) => names))].join('|');

const bash = (globals: readonly Flag[], entries: readonly Entry[]): string => {
  const valued = [...globals, ...entries.flatMap(({ flags }) => flags)].filter(({ takesValue }) => takesValue);
  const chosen = valued.filter(({ choices }) => choices.length > 0);
  return `# Completes courier in bash: source <(courier completion bash)
_courier() {
  local current=\${COMP_WORDS[COMP_CWORD]} previous=\${COMP_WORDS[COMP_CWORD - 1]} command='' word words=''
  COMPREPLY=()
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    case $word in ${entries.map(({ name }) => name).join('|')}) command=$word; break ;; esac
  done
  case $previous in
${chosen.map((flag) => `    ${patternOf([flag])}) words=${quoted(flag.choices.join(' '))} ;;`).join('\n')}
    ${patternOf(valued.filter((flag) => !chosen.includes(flag)))}) return ;;
    *)
      case $command,$current in
        ,-*) words=${quoted(namesIn(globals))} ;;
        ,*) words=${quoted(entries.map(({ name }) => name).join(' '))} ;;
${entries
  .flatMap(({ name, flags, words }) => [
    `        ${name},-*) words=${quoted(namesIn(flags))} ;;`,
    ...(words.length === 0 ? [] : [`        ${name},*) words=${quoted(words.join(' '))} ;;`]),
  ])
  .join('\n')}
      esac ;;
  esac
  while IFS= read -r word; do COMPREPLY+=("$word"); done < <(compgen -W "$words" -- "$current")
}
# Without a word of its own, bash completes the names of files.
complete -o default -F _courier courier
`;
};

/** \`[\`, \`]\` and \`:\` end a part of a specification. */
const zshText = (text: string): string => text.replace(/[[\]:\\]/g, String.raw`\$&`);

const zshFlag = ({ names, description, takesValue, choices }: Flag): string[] =>
  names.map((name) => {
    const value = takesValue ? `:value:${choices.length > 0 ? `(${choices.join(' ')})` : '_files'}` : '';
    return quoted(`${name}[${zshText(description)}]${value}`);
  });

const zsh = (globals: readonly Flag[], entries: readonly Entry[]): string => `#compdef courier
# Completes courier in zsh: courier completion zsh > ~/.zfunc/_courier, with ~/.zfunc in $fpath
_courier() {
  local state
  local -a commands
  commands=(${entries.map(({ name, description }) => quoted(`${name}:${zshText(description)}`)).join(' ')})
  _arguments -C ${globals.flatMap(zshFlag).join(' ')} '1: :->command' '*:: :->rest'
  case $state in
    command) _describe command commands ;;
    rest)
      case $words[1] in
${entries
  .map(({ name, flags, words }) => {
    const argument = words.length > 0 ? `1:word:(${words.join(' ')})` : '*:file:_files';
    return `        ${name}) _arguments ${flags.flatMap(zshFlag).join(' ')} ${quoted(argument)} ;;`;
  })
  .join('\n')}
      esac ;;
  esac
}
if [ "$funcstack[1]" = _courier ]; then _courier "$@"; else compdef _courier courier; fi
`;

const fishFlag = (condition: string, { names, description, takesValue, choices }: Flag): string => {
  const spelled = names.map((name) => (name.startsWith('--') ? `-l ${name.slice(2)}` : `-s ${name.slice(1)}`));
  const value = takesValue ? (choices.length > 0 ? ` -x -a ${quoted(choices.join(' '))}` : ' -r -F') : '';
  return `complete -c courier -n ${quoted(condition)} ${spelled.join(' ')}${value} -d ${quoted(description)}`;
};

const fish = (globals: readonly Flag[], entries: readonly Entry[]): string =>
  `# Completes courier in fish: courier completion fish > ~/.config/fish/completions/courier.fish
complete -c courier -f
${globals.map((flag) => fishFlag('__fish_use_subcommand', flag)).join('\n')}
${entries
  .flatMap(({ name, description, flags, words }) => {
    const condition = `__fish_seen_subcommand_from ${name}`;
    const argument = words.length > 0 ? `-x -a ${quoted(words.join(' '))}` : '-F';
    return [
      `complete -c courier -n '__fish_use_subcommand' -a ${name} -d ${quoted(description)}`,
      `complete -c courier -n ${quoted(condition)} ${argument}`,
      ...flags.map((flag) => fishFlag(condition, flag)),
    ];
  })
  .join('\n')}
`;

const SCRIPTS = { bash, zsh, fish };

/** A script that completes the program's commands, options and values in a shell. */
export const completionScript = (program: Command, shell: Shell): string => {
  const globals = [...program.options.map(flagOf), HELP];
  return SCRIPTS[shell](
    globals,
    program.commands.map((command) => entryOf(command, globals)),
  );
};
