const MAX_SHEET_ID = 0x7fff_fffe;

/**
 * A tab to be made. Its id is derived from the name, so that only one of two tries can create the tab.
 * @param taken ids of the tabs that exist: people may have renamed one that was created with the same name
 */
export const newTabOf = (title: string, taken: readonly number[]): { title: string; sheetId: number } => {
  let sheetId = 7;
  for (const character of title) sheetId = (sheetId * 31 + (character.codePointAt(0) ?? 0)) % MAX_SHEET_ID;
  do sheetId = (sheetId % MAX_SHEET_ID) + 1;
  while (taken.includes(sheetId));
  return { title, sheetId };
};
