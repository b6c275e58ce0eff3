import { unicodeEscape } from '../../../text/unicode/unicode-escape.ts';
import type { Context } from '../context.ts';

type Out = Context['stdout'];

/**
 * A color or "clear the rest of the line", which the client itself writes, or a control character. A tab and a line feed are
 * left as they are.
 */
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are the characters to escape
const CONTROL = /\u001b\[(?:\d{1,2}m|K)|[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g;

const escaped = (found: string, at: number): string =>
  // A progress line begins with a carriage return.
  found.length > 1 || (found === '\r' && at === 0) ? found : unicodeEscape(found);

/**
 * Writes control characters as escapes, where a terminal would run them: the names of files, and texts from a server, must not
 * move the cursor, change the title or hide other lines.
 */
export const asTerminalText = (out: Out): Out =>
  out.isTTY === true
    ? {
        isTTY: true,
        get columns() {
          return out.columns ?? 80;
        },
        write: (text, onWritten) =>
          out.write(typeof text === 'string' ? text.replace(CONTROL, escaped) : text, onWritten),
      }
    : out;
