import { isUtf8 } from 'node:buffer';
import { readFileSync } from 'node:fs';
import { parse as parseYaml, YAMLParseError } from 'yaml';

/** Simple messages for the most common syntax errors. For other errors, the parser's message is shown. */
const SYNTAX_ERRORS: Readonly<Record<string, string>> = {
  BLOCK_AS_IMPLICIT_KEY: 'put a value that contains ": " in quotes',
  TAB_AS_INDENT: 'indent with spaces instead of tabs',
  BAD_INDENT: 'the indentation is inconsistent, or a bracket is not closed',
  DUPLICATE_KEY: 'the key is given twice',
  MISSING_CHAR: 'a closing quote or bracket is missing',
  MULTILINE_IMPLICIT_KEY: 'a ":" is missing after the key',
  BAD_SCALAR_START: 'put a value that starts with a special character in quotes',
};

const SYSTEM_ERRORS: Readonly<Record<string, string>> = {
  ENOENT: 'the file does not exist',
  EACCES: 'permission to read the file is denied',
  EISDIR: 'is a directory, not a file',
};

/** Why a configuration cannot be read, in a few words that quote none of its values. */
const reasonOf = (error: unknown): string => {
  const { code = '', message = '' } = error as Partial<NodeJS.ErrnoException>;
  const [line = ''] = message.split('\n', 1);
  if (error instanceof YAMLParseError) {
    const [start] = error.linePos ?? [];
    const where = start === undefined ? '' : ` at line ${start.line}, column ${start.col}`;
    return `is not valid YAML${where}: ${SYNTAX_ERRORS[code] ?? line.replace(/ at line \d+, column \d+:?$/, '')}`;
  }
  return SYSTEM_ERRORS[code] ?? `cannot be read: ${line}`;
};

const UTF_16_MARKS = [Buffer.from([0xff, 0xfe]), Buffer.from([0xfe, 0xff])];

/** What is wrong with the encoding of a file; undefined for UTF-8. Windows PowerShell writes UTF-16 with `>`. */
const encodingFault = (bytes: Buffer): string | undefined => {
  if (isUtf8(bytes)) return undefined;
  const isUtf16 = UTF_16_MARKS.some((mark) => bytes.subarray(0, mark.byteLength).equals(mark));
  return isUtf16 ? 'is UTF-16; save the file as UTF-8' : 'is not UTF-8; save the file as UTF-8';
};

/** A configuration as it was parsed, or why it cannot be read. YAML includes JSON. */
export const parseConfiguration = (
  given: { text: string } | { file: string },
): { value: unknown } | { fault: string } => {
  try {
    const bytes = 'text' in given ? Buffer.from(given.text) : readFileSync(given.file);
    const fault = encodingFault(bytes);
    return fault === undefined ? { value: parseYaml(bytes.toString()) } : { fault };
  } catch (error) {
    return { fault: reasonOf(error) };
  }
};
