import type { Mark } from './marks.ts';

const MAX_SHEET_ID = 0x7fff_fffe;

/**
 * A tab to be made. Its id is derived from the name, so that only one of two tries can create the tab.
 * @param sheetIds of the tabs that exist: people may have renamed one that was created with the same name
 * @param marks a tab with the id of one of them would seem to have its rows, which people have deleted together with their tab
 */
export const newTabOf = (
  title: string,
  { sheetIds, marks }: { sheetIds: readonly number[]; marks: readonly Pick<Mark, 'sheetId'>[] },
): { title: string; sheetId: number } => {
  const taken = [...sheetIds, ...marks.map((mark) => mark.sheetId)];
  let sheetId = 7;
  for (const character of title) sheetId = (sheetId * 31 + (character.codePointAt(0) ?? 0)) % MAX_SHEET_ID;
  do sheetId = (sheetId % MAX_SHEET_ID) + 1;
  while (taken.includes(sheetId));
  return { title, sheetId };
};
