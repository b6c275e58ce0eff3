import { z } from 'zod';

const ID = /^[\w-]{3,128}$/;

const KEEP =
  'keep the id alone: in https://drive.google.com/drive/folders/ID it is what stands after "folders/" and before any "?"';

/** The folder's id in an address that Drive shows or shares; undefined where there is none. */
const idIn = (url: URL): string | undefined => {
  if (url.hostname !== 'drive.google.com') return undefined;
  // /drive/folders/ID, /drive/u/0/folders/ID, /drive/mobile/folders/ID, /drive/u/1/folders/ID/…; open?id=ID, folderview?id=ID
  const [, id] = /\/folders\/([\w-]+)/.exec(url.pathname) ?? [];
  return (
    id ??
    (/^\/(?:a\/[^/]+\/)?(?:open|folderview)$/.test(url.pathname)
      ? (url.searchParams.get('id') ?? undefined)
      : undefined)
  );
};

/** A folder's or shared drive's id; the address that Drive shows for it is understood, too. */
export const folderId = z.string().transform((text, context) => {
  if (ID.test(text)) return text;
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const id = url === undefined ? undefined : idIn(url);
  if (id !== undefined && ID.test(id)) return id;
  const message = url === undefined && !text.includes('/') ? 'not a Drive folder id' : `not a Drive folder id: ${KEEP}`;
  context.addIssue({ code: 'custom', message });
  return z.NEVER;
});
