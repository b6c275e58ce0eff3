/** A text without the byte order mark that some editors of Windows put before it. To parsers of JSON and SQL it is an error. */
export const withoutMark = (text: string): string => (text.startsWith('\ufeff') ? text.slice(1) : text);
