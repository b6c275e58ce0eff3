import { z } from 'zod';
import { checkBody } from '../call/body.ts';
import { badRequest, forbidden, invalidValue, notImplemented } from '../errors.ts';
import type { Actor, StoredFile } from '../model.ts';
import type { DriveState } from '../store/state.ts';

const text = z.string().nullish();
const flag = z.boolean().nullish();
const time = z.iso.datetime({ offset: true }).nullish();
const texts = z.record(z.string(), z.string().nullable()).nullish();

const requestedSchema = z.object({
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
  contentRestrictions: z.array(z.object({ readOnly: flag, reason: text, ownerRestricted: flag })).nullish(),
  downloadRestrictions: z
    .object({
      itemDownloadRestriction: z.object({ restrictedForReaders: flag, restrictedForWriters: flag }).nullish(),
    })
    .nullish(),
});

/** The metadata in a request. Null removes a value. */
export type RequestedMetadata = z.infer<typeof requestedSchema>;

/** Times that Drive sets itself, although the discovery document does not call them "Output only". */
const NOT_DIRECTLY_WRITABLE = ['trashedTime', 'sharedWithMeTime', 'modifiedByMeTime'];
const UNSUPPORTED = ['linkShareMetadata'];

/**
 * Reads the `File` resource of a request.
 * @param fixed fields that this method does not accept
 * @throws DriveError 400, 403 `fieldNotWritable`, 501 for fields that are not implemented here
 */
export function readMetadata(
  state: DriveState,
  methodId: string,
  metadata: Record<string, unknown>,
  fixed: readonly string[] = [],
): RequestedMetadata {
  checkBody(state.discovery, 'File', metadata, [...NOT_DIRECTLY_WRITABLE, ...fixed]);
  for (const name of UNSUPPORTED)
    if (metadata[name] !== undefined) throw notImplemented(methodId, `${name} in ${methodId}`);
  const { success, data, error } = requestedSchema.safeParse(metadata);
  if (!success) throw invalidValue(error.issues[0]?.path.join('.') ?? 'file');
  return data;
}

/** Source: guides/properties, "Limitations on custom properties". */
const MAX_PROPERTY_BYTES = 124;
const MAX_PROPERTIES = { properties: 30, appProperties: 30 };

type PropertyKind = keyof typeof MAX_PROPERTIES;

const mergedProperties = (
  kind: PropertyKind,
  former: Readonly<Record<string, string>>,
  changes: Readonly<Record<string, string | null>>,
): Record<string, string> => {
  const merged = new Map(Object.entries(former));
  for (const [key, value] of Object.entries(changes)) {
    if (value === null) {
      merged.delete(key);
      continue;
    }
    if (key === '') throw invalidValue(kind);
    if (Buffer.byteLength(key) + Buffer.byteLength(value) > MAX_PROPERTY_BYTES)
      throw badRequest(`Property key and value may not exceed ${MAX_PROPERTY_BYTES} bytes.`, 'invalid', kind);
    merged.set(key, value);
  }
  if (merged.size > MAX_PROPERTIES[kind])
    throw forbidden('propertyLimitExceeded', `A file may have at most ${MAX_PROPERTIES[kind]} of ${kind}.`, kind);
  return Object.fromEntries(merged);
};

/** The properties after the request. @throws DriveError 400 for more than 124 bytes, 403 for more than 30 properties */
export const propertiesAfter = (
  file: Pick<StoredFile, 'properties' | 'appProperties'>,
  actor: Actor,
  { properties, appProperties }: RequestedMetadata,
): Pick<StoredFile, 'properties' | 'appProperties'> => ({
  properties: properties ? mergedProperties('properties', file.properties, properties) : file.properties,
  appProperties: appProperties
    ? {
        ...file.appProperties,
        [actor.app]: mergedProperties('appProperties', file.appProperties[actor.app] ?? {}, appProperties),
      }
    : file.appProperties,
});

/** Copies requested metadata to the file, as far as no further checks are needed. A null description removes it. */
export function applyMetadata(file: StoredFile, actor: Actor, requested: RequestedMetadata): void {
  Object.assign(file, propertiesAfter(file, actor, requested));
  const { name, description, originalFilename, folderColorRgb } = requested;
  if (name) file.name = name;
  if (description) file.description = description;
  else if (description !== undefined) delete file.description;
  if (originalFilename) file.originalFilename = originalFilename;
  if (folderColorRgb) file.folderColorRgb = folderColorRgb;
  if (typeof requested.writersCanShare === 'boolean') file.writersCanShare = requested.writersCanShare;
  const protects = requested.copyRequiresWriterPermission ?? negated(requested.viewersCanCopyContent);
  if (protects !== undefined) file.copyRequiresWriterPermission = protects;
  if (typeof requested.inheritedPermissionsDisabled === 'boolean')
    file.isLimited = requested.inheritedPermissionsDisabled;
  const { email } = actor.account;
  if (requested.starred === true && !file.starredBy.includes(email)) file.starredBy = [...file.starredBy, email];
  if (requested.starred === false) file.starredBy = file.starredBy.filter((other) => other !== email);
  if (requested.createdTime) file.createdMs = Date.parse(requested.createdTime);
  if (requested.modifiedTime) file.modifiedMs = Date.parse(requested.modifiedTime);
  if (requested.viewedByMeTime)
    file.viewedByMeMs = { ...file.viewedByMeMs, [email]: Date.parse(requested.viewedByMeTime) };
}

const negated = (value: boolean | null | undefined): boolean | undefined =>
  typeof value === 'boolean' ? !value : undefined;
