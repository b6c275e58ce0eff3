import { z } from 'zod';
import { CONFLICT_RULES, CONVERSIONS } from '../../domain.ts';
import { folderPath } from '../../text/file-name.ts';
import { perCaller } from './per-caller.ts';
import { domain, email, principal } from './principal.ts';
import { sources } from './sources.ts';

const ID = /^[\w-]{3,128}$/;

const HOW_TO_FIND_IT =
  'use only the id, which comes after "folders/" and before any "?" in https://drive.google.com/drive/folders/ID';

/** The folder's id in a Drive URL; undefined if there is none. */
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

/** The id of a folder or shared drive, or its URL in Drive. */
const folderId = z.string().transform((text, context) => {
  if (ID.test(text)) return text;
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const id = url === undefined ? undefined : idIn(url);
  if (id !== undefined && ID.test(id)) return id;
  const message =
    url === undefined && !text.includes('/')
      ? 'is not a Drive folder id'
      : `is not a Drive folder id: ${HOW_TO_FIND_IT}`;
  context.addIssue({ code: 'custom', message });
  return z.NEVER;
});

const role = z.enum(['reader', 'commenter', 'writer']);

const share = z.discriminatedUnion('type', [
  z.strictObject({ type: z.enum(['user', 'group']), email, role, notify: z.boolean().default(false) }),
  z.strictObject({ type: z.literal('domain'), domain, role }),
  z.strictObject({ type: z.literal('anyone'), role }),
]);
export type ShareConfig = z.infer<typeof share>;

/** A destination in Drive: who may write there, with which credentials, and with which defaults. */
export const destination = z
  .strictObject({
    folder: folderId,
    credentials: z.string(),
    callers: z.array(principal).min(1, 'is empty: list at least one caller'),
    path: folderPath.default(''),
    onConflict: z.enum(CONFLICT_RULES).default('new'),
    convertTo: z.enum(CONVERSIONS).nullable().default(null),
    sources,
    share: z.array(share).default([]),
    allowAnyone: z.boolean().default(false),
    maxBytes: z.int().positive().max(5_497_558_138_880).default(5_497_558_138_880),
    perCaller: perCaller.optional(),
  })
  .refine(({ share, allowAnyone }) => allowAnyone || share.every(({ type }) => type !== 'anyone'), {
    path: ['share'],
    // Also if there are other faults.
    when: ({ value }) =>
      z.looseObject({ share: z.array(z.looseObject({})) }).safeParse(value, { jitless: true }).success,
    message:
      'shares every file with anyone on the internet. If you want that, set "allowAnyone: true" on this destination',
  });
export type DestinationConfig = z.infer<typeof destination>;
