type Stream = { isTTY?: boolean | undefined };
type Env = Readonly<Record<string, string | undefined>>;

/** Marks up text for one stream. */
export interface Colors {
  bold(text: string): string;
  red(text: string): string;
  green(text: string): string;
  yellow(text: string): string;
}

/** True on a terminal that supports color, unless `NO_COLOR` is set (https://no-color.org). */
export const hasColor = ({ isTTY }: Stream, { NO_COLOR = '', TERM }: Env): boolean =>
  isTTY === true && NO_COLOR === '' && TERM !== 'dumb';

/** ANSI escape sequences where the stream shows colors; the plain text elsewhere. */
export const colorsFor = (stream: Stream, env: Env): Colors => {
  const style = (start: number, end: number) => (text: string) =>
    hasColor(stream, env) ? `\u001b[${start}m${text}\u001b[${end}m` : text;
  return { bold: style(1, 22), red: style(31, 39), green: style(32, 39), yellow: style(33, 39) };
};
