export interface ShellCommand {
  program: string;
  words: string[];
}

/** A command whose output becomes part of another one's words. */
const INNER = /\$\(((?:[^()'"]|'[^']*'|"[^"]*")*)\)/g;

/** Takes the commands inside of commands out, one a line behind the others; "x" stands for what they print. */
export const withoutInner = (text: string): string => {
  const inner: string[] = [];
  const outer = text.replaceAll('\\\n', ' ').replaceAll(INNER, (_, command: string) => {
    inner.push(command);
    return 'x';
  });
  return [outer, ...inner].join('\n');
};

/** What stands between commands, apart from quoted text and comments. */
const PARTS = /('[^']*'|"(?:\\.|[^"\\])*")|((?:^|\s)#.*$)|(&&|\|\||[|;\n])/gm;
const END = '\0';

/** The commands of a piece of shell as documentation has it, with their words. */
export const commandsIn = (text: string): ShellCommand[] =>
  withoutInner(text)
    .replaceAll(PARTS, (_, quoted: string | undefined) => quoted ?? END)
    .split(END)
    .flatMap((command) => {
      const words = [...command.matchAll(/(?:[^\s'"]|'[^']*'|"(?:\\.|[^"\\])*")+/g)].map(([word]) =>
        word.replaceAll(/(^|=)(['"])(.*)\2$/g, '$1$3'),
      );
      const at = words.findIndex((word) => !/^\w+=/.test(word));
      const [program, ...rest] = at === -1 ? [] : words.slice(at);
      return program === undefined ? [] : [{ program, words: rest }];
    });
