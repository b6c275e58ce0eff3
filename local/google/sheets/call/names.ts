/** The name of a field in protocol buffers, which error messages use: `spreadsheetId` is `spreadsheet_id`. */
export const snake = (name: string): string => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

const upper = (word: string): string => word.charAt(0).toUpperCase() + word.slice(1);

/** `sheets.spreadsheets.values.get` is `google.apps.sheets.v4.SpreadsheetsService.GetValues` in error details. */
export const rpcName = (methodId: string): string => {
  const [, , ...rest] = methodId.split('.');
  const verb = rest.pop() ?? '';
  return `google.apps.sheets.v4.SpreadsheetsService.${upper(verb)}${upper(rest[0] ?? 'spreadsheet')}`;
};
