import { z } from 'zod';
import { LOCK_PROPERTY } from '../../domain.ts';
import { CourierError } from '../../errors.ts';
import { DRIVE_URL, type DriveClient, detailFields, parseAnswer } from '../client.ts';
import type { CallContext, DriveFile, DrivePolicy, LabelChange, Restrictions } from '../drive.ts';
import { UNITS } from '../pacing.ts';

/** People see it in Drive next to the file. */
const LOCK_REASON = 'Delivered by drive-courier';

const restricted = z.object({
  contentRestrictions: z
    .array(
      z.object({ readOnly: z.boolean().default(false), restrictingUser: z.object({ me: z.boolean() }).optional() }),
    )
    .default([]),
  downloadRestrictions: z
    .object({
      itemDownloadRestriction: z
        .object({ restrictedForReaders: z.boolean().default(false), restrictedForWriters: z.boolean().default(false) })
        .optional(),
    })
    .optional(),
  copyRequiresWriterPermission: z.boolean().optional(),
  writersCanShare: z.boolean().optional(),
  appProperties: z.record(z.string(), z.string()).default({}),
});
type Restricted = z.infer<typeof restricted>;

const LOCK_FIELDS = 'contentRestrictions(readOnly,restrictingUser(me)),appProperties';
const FIELDS = `${LOCK_FIELDS},downloadRestrictions(itemDownloadRestriction),copyRequiresWriterPermission,writersCanShare`;

const isLocked = ({ contentRestrictions }: Restricted): boolean => contentRestrictions.some(({ readOnly }) => readOnly);

/** The restrictions that Drive's answer does not show, by their names in the configuration. */
const missingIn = (shown: Restricted, asked: Restrictions): string[] => {
  const { restrictedForReaders = false, restrictedForWriters = false } =
    shown.downloadRestrictions?.itemDownloadRestriction ?? {};
  const { noDownload } = asked;
  const isMissing = {
    readOnly: asked.readOnly === true && !isLocked(shown),
    noDownload:
      noDownload !== undefined &&
      ((noDownload.readers && !restrictedForReaders) || (noDownload.writers && !restrictedForWriters)),
    copyRequiresWriterPermission:
      asked.copyRequiresWriterPermission === true && shown.copyRequiresWriterPermission !== true,
    writersCanShare: asked.writersCanShare === false && shown.writersCanShare !== false,
  };
  return Object.entries(isMissing).flatMap(([name, missing]) => (missing ? [name] : []));
};

const metadataOf = ({ modifiedTime }: Pick<DriveFile, 'modifiedTime'>, asked: Restrictions): object => ({
  ...(asked.readOnly === true
    ? {
        contentRestrictions: [{ readOnly: true, reason: LOCK_REASON }],
        appProperties: { [LOCK_PROPERTY]: '1' },
        // A change of properties would otherwise count as a modification of the file.
        modifiedTime,
      }
    : {}),
  ...(asked.noDownload === undefined
    ? {}
    : {
        downloadRestrictions: {
          itemDownloadRestriction: {
            restrictedForReaders: asked.noDownload.readers,
            restrictedForWriters: asked.noDownload.writers,
          },
        },
      }),
  copyRequiresWriterPermission: asked.copyRequiresWriterPermission,
  writersCanShare: asked.writersCanShare,
});

const SETTERS = {
  text: 'setTextValues',
  integer: 'setIntegerValues',
  date: 'setDateValues',
  selection: 'setSelectionValues',
  user: 'setUserValues',
} as const;

const modificationOf = ({ labelId, fields }: LabelChange): object => ({
  labelId,
  fieldModifications: fields.map(({ fieldId, type, value }) => ({ fieldId, [SETTERS[type]]: [value] })),
});

/** https://developers.google.com/workspace/drive/api/guides/content-restrictions and …/guides/set-label. */
export const createDrivePolicy = (client: DriveClient): DrivePolicy => {
  const urlOf = (id: string, fields: string): string =>
    `${DRIVE_URL}/files/${encodeURIComponent(id)}?supportsAllDrives=true&fields=${fields}`;

  const send = async (
    { operation, method, url, units }: { operation: string; method: 'PATCH' | 'POST'; url: string; units: number },
    body: object,
    context: CallContext,
  ): Promise<unknown> => {
    const response = await client.call(
      {
        ...{ operation, method, url, units, retry: 'idempotent' },
        headers: { 'content-type': 'application/json; charset=utf-8' },
        body: Buffer.from(JSON.stringify(body)),
      },
      context,
    );
    if (response.status >= 300) throw client.error(response, operation);
    return parseAnswer(() => JSON.parse(response.body.toString()) as unknown);
  };

  const update = async (id: string, body: object, context: CallContext): Promise<Restricted> => {
    const call = {
      operation: 'drive.files.update',
      method: 'PATCH',
      url: urlOf(id, FIELDS),
      units: UNITS.update,
    } as const;
    const answer = await send(call, body, context);
    return parseAnswer(() => restricted.parse(answer));
  };

  return {
    async lockOf(id, context) {
      const operation = 'drive.files.get';
      const url = urlOf(id, LOCK_FIELDS);
      const response = await client.call(
        { operation, method: 'GET', url, units: UNITS.get, retry: 'idempotent' },
        context,
      );
      if (response.status === 404) return undefined;
      if (response.status >= 300) throw client.error(response, operation);
      const shown = parseAnswer(() => restricted.parse(JSON.parse(response.body.toString())));
      // A person may have replaced the courier's restriction by one of their own.
      const isOwn =
        shown.appProperties[LOCK_PROPERTY] !== undefined &&
        shown.contentRestrictions.every(({ restrictingUser }) => restrictingUser?.me !== false);
      return { isLocked: isLocked(shown), isOwn };
    },
    async unlock(id, context) {
      await update(id, { contentRestrictions: [{ readOnly: false }] }, context);
    },
    async restrict(file, restrictions, context) {
      const missing = missingIn(await update(file.id, metadataOf(file, restrictions), context), restrictions);
      if (missing.length === 0) return;
      throw new CourierError('policy-forbidden', {
        detail: `Drive did not set ${missing.join(', ')}.`,
        reason: 'restriction-ignored',
      });
    },
    async setDetails(id, { appProperties, ...details }, context) {
      await update(id, { ...detailFields(details), appProperties }, context);
    },
    async setLabels(id, labels, context) {
      const call = {
        operation: 'drive.files.modifyLabels',
        method: 'POST',
        units: UNITS.update,
        url: `${DRIVE_URL}/files/${encodeURIComponent(id)}/modifyLabels`,
      } as const;
      await send(call, { labelModifications: labels.map(modificationOf) }, context);
    },
  };
};
