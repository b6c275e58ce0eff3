export interface ShellCommand {
  program: string;
  words: string[];
}

/** A command whose output becomes part of the words of another one. */
const INNER = /\$\(((?:[^()'"]|'[^']*'|"[^"]*")*)\)/g;

/** Extracts nested commands, one a line after the others. "x" replaces their output. */
export const withoutInner = (text: string): string => {
  const inner: string[] = [];
  const outer = text.replaceAll('\\\n', ' ').replaceAll(INNER, (_, command: string) => {
    inner.push(command);
    return 'x';
  });
  return [outer, ...inner].join('\n');
};

/** The separators between commands, apart from quoted text and comments. */
const PARTS = /('[^']*'|"(?:\\.|[^"\\])*")|((?:^|\s)#.*$)|(&&|\|\||[|;\n])/gm;
const END = '\0';

/** The commands in a piece of shell from the documentation, with their words. */
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
