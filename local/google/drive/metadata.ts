import { z } from 'zod';
import { checkBody } from './body.ts';
import { badRequest, forbidden, invalidValue, notImplemented } from './errors.ts';
import type { Actor, StoredFile } from './model.ts';
import type { DriveState } from './state.ts';

const text = z.string().nullish();
const flag = z.boolean().nullish();
const time = z.iso.datetime({ offset: true }).nullish();
const texts = z.record(z.string(), z.string().nullable()).nullish();

const wishesSchema = z.object({
  id: text,
  name: text,
  mimeType: text,
  parents: z.array(z.string()).nullish(),
  description: text,
  starred: flag,
  trashed: flag,
  createdTime: time,
  modifiedTime: time,
  viewedByMeTime: time,
  originalFilename: text,
  folderColorRgb: text,
  properties: texts,
  appProperties: texts,
  writersCanShare: flag,
  copyRequiresWriterPermission: flag,
  viewersCanCopyContent: flag,
  inheritedPermissionsDisabled: flag,
  shortcutDetails: z.object({ targetId: text }).nullish(),
});

/** What a request wants a file to be; null takes a value away. */
export type Wishes = z.infer<typeof wishesSchema>;

/** In the schema without "Output only", yet nobody's to write. */
const NOT_DIRECTLY_WRITABLE = ['teamDriveId', 'trashedTime', 'sharedWithMeTime', 'modifiedByMeTime'];
const NOT_HERE = ['contentRestrictions', 'downloadRestrictions', 'linkShareMetadata'];

/**
 * Reads a `File` of a request.
 * @param fixed members that this method takes no more
 * @throws DriveError 400, 403 `fieldNotWritable`, 501 for what this Drive has not
 */
export function readWishes(
  state: DriveState,
  methodId: string,
  metadata: Record<string, unknown>,
  fixed: readonly string[] = [],
): Wishes {
  checkBody(state.discovery, 'File', metadata, [...NOT_DIRECTLY_WRITABLE, ...fixed]);
  for (const name of NOT_HERE)
    if (metadata[name] !== undefined) throw notImplemented(methodId, `${name} in ${methodId}`);
  const { success, data, error } = wishesSchema.safeParse(metadata);
  if (!success) throw invalidValue(error.issues[0]?.path.join('.') ?? 'file');
  return data;
}

/** Source: guides/properties, "Limitations on custom properties". */
const MOST_PROPERTY_BYTES = 124;
const MOST_PROPERTIES = { properties: 30, appProperties: 30 };

type PropertyKind = keyof typeof MOST_PROPERTIES;

const mergedProperties = (
  kind: PropertyKind,
  former: Readonly<Record<string, string>>,
  wished: Readonly<Record<string, string | null>>,
): Record<string, string> => {
  const merged = new Map(Object.entries(former));
  for (const [key, value] of Object.entries(wished)) {
    if (value === null) {
      merged.delete(key);
      continue;
    }
    if (key === '') throw invalidValue(kind);
    if (Buffer.byteLength(key) + Buffer.byteLength(value) > MOST_PROPERTY_BYTES)
      throw badRequest(`Property key and value may not exceed ${MOST_PROPERTY_BYTES} bytes.`, 'invalid', kind);
    merged.set(key, value);
  }
  if (merged.size > MOST_PROPERTIES[kind])
    throw forbidden('propertyLimitExceeded', `A file may have at most ${MOST_PROPERTIES[kind]} of ${kind}.`, kind);
  return Object.fromEntries(merged);
};

/** The properties as they will be. @throws DriveError 400 past 124 bytes, 403 past 30 */
export const propertiesAfter = (
  file: Pick<StoredFile, 'properties' | 'appProperties'>,
  actor: Actor,
  { properties, appProperties }: Wishes,
): Pick<StoredFile, 'properties' | 'appProperties'> => ({
  properties: properties ? mergedProperties('properties', file.properties, properties) : file.properties,
  appProperties: appProperties
    ? {
        ...file.appProperties,
        [actor.app]: mergedProperties('appProperties', file.appProperties[actor.app] ?? {}, appProperties),
      }
    : file.appProperties,
});

/** Takes over what needs no decision. A null description is none. */
export function applyWishes(file: StoredFile, actor: Actor, wishes: Wishes): void {
  Object.assign(file, propertiesAfter(file, actor, wishes));
  const { name, description, originalFilename, folderColorRgb } = wishes;
  if (name) file.name = name;
  if (description) file.description = description;
  else if (description !== undefined) delete file.description;
  if (originalFilename) file.originalFilename = originalFilename;
  if (folderColorRgb) file.folderColorRgb = folderColorRgb;
  if (typeof wishes.writersCanShare === 'boolean') file.writersCanShare = wishes.writersCanShare;
  const protects = wishes.copyRequiresWriterPermission ?? negated(wishes.viewersCanCopyContent);
  if (protects !== undefined) file.copyRequiresWriterPermission = protects;
  if (typeof wishes.inheritedPermissionsDisabled === 'boolean') file.isLimited = wishes.inheritedPermissionsDisabled;
  const { email } = actor.account;
  if (wishes.starred === true && !file.starredBy.includes(email)) file.starredBy = [...file.starredBy, email];
  if (wishes.starred === false) file.starredBy = file.starredBy.filter((other) => other !== email);
  if (wishes.createdTime) file.createdMs = Date.parse(wishes.createdTime);
  if (wishes.modifiedTime) file.modifiedMs = Date.parse(wishes.modifiedTime);
  if (wishes.viewedByMeTime) file.viewedByMeMs = { ...file.viewedByMeMs, [email]: Date.parse(wishes.viewedByMeTime) };
}

const negated = (value: boolean | null | undefined): boolean | undefined =>
  typeof value === 'boolean' ? !value : undefined;
