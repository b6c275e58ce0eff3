import { z } from 'zod';
import { CONFLICT_RULES, CONVERSIONS } from '../domain.ts';
import { folderPath } from '../text/file-name.ts';
import { folderId } from './folder.ts';
import { domain, email, principal } from './principal.ts';
import { sources } from './sources.ts';

const role = z.enum(['reader', 'commenter', 'writer']);

const share = z.discriminatedUnion('type', [
  z.strictObject({ type: z.enum(['user', 'group']), email, role, notify: z.boolean().default(false) }),
  z.strictObject({ type: z.literal('domain'), domain, role }),
  z.strictObject({ type: z.literal('anyone'), role }),
]);
export type ShareConfig = z.infer<typeof share>;

/** A place in Drive: who may write there, by what right, and how. */
export const destination = z
  .strictObject({
    folder: folderId,
    credentials: z.string(),
    callers: z.array(principal).min(1, 'nobody may call: list at least one caller'),
    path: folderPath.default(''),
    onConflict: z.enum(CONFLICT_RULES).default('new'),
    convertTo: z.enum(CONVERSIONS).nullable().default(null),
    sources,
    share: z.array(share).default([]),
    allowAnyone: z.boolean().default(false),
    maxBytes: z.int().positive().max(5_497_558_138_880).default(5_497_558_138_880),
  })
  .refine(({ share, allowAnyone }) => allowAnyone || share.every(({ type }) => type !== 'anyone'), {
    path: ['share'],
    // Whatever faults there are besides.
    when: ({ value }) =>
      z.looseObject({ share: z.array(z.looseObject({})) }).safeParse(value, { jitless: true }).success,
    message: 'shares with everybody on the internet; if that is meant, set "allowAnyone: true" on this destination',
  });
export type DestinationConfig = z.infer<typeof destination>;
