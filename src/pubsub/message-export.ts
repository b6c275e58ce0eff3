import { z } from 'zod';
import { CourierError } from '../errors.ts';
import { objectNameOf } from '../exports/sources/object-name.ts';
import { bytesSource } from '../exports/sources/inline.ts';
import { bytesOf } from '../exports/bytes/spool.ts';
import { type SourceRequest, openObjectSource } from '../exports/source-access.ts';
import {
  asExport,
  type ExportDocument,
  fileShape,
  type OpenedExport,
  openExport,
  type ReadDocument,
  readExportDocument,
} from '../exports/export-document.ts';
import { placeOfObject } from '../exports/object-place.ts';
import { mediaTypeByName } from '../text/media-type-by-name.ts';
import { parseInput } from '../http/request/options.ts';
import type { PubsubMessage } from './message.ts';
import type { HttpDependencies } from '../http/dependencies.ts';

/** What a message turns out to be. */
export type Reading =
  | { kind: 'export'; opened: OpenedExport }
  | { kind: 'rotated'; secret: string }
  /** `isLoss`: somebody may miss a file. */
  | { kind: 'ignored'; why: string; isLoss?: boolean };

type Attributes = PubsubMessage['attributes'];

const OPTIONS = Object.keys(fileShape);
const loosely = (name: string): string => name.toLowerCase().replaceAll(/[_-]/g, '');
const BY_LOOSE_NAME = new Map(OPTIONS.map((name) => [loosely(name), name]));

/**
 * The options among a message's attributes. Others may stand beside them (tracing's, Google's own, a publisher's), so they
 * are passed over; but not one that is an option but for its spelling.
 */
const optionsIn = (attributes: Attributes): Record<string, string> => {
  const options: Record<string, string> = {};
  for (const [name, value] of Object.entries(attributes)) {
    const meant = BY_LOOSE_NAME.get(loosely(name));
    if (meant === undefined) continue;
    if (meant !== name) {
      throw new CourierError('request-invalid', {
        detail: `There is no attribute ${JSON.stringify(name)}; it is spelt "${meant}".`,
      });
    }
    options[name] = value;
  }
  return options;
};

/** The data are the file's bytes. */
const fileOf = ({ attributes, data }: PubsubMessage): OpenedExport => {
  const options = parseInput(z.strictObject(fileShape), optionsIn(attributes));
  return asExport(options, bytesSource(data, mediaTypeByName(options.name)));
};

/** Attributes serve filters, too, so they may say again what the document says; that they say something else is a mistake. */
const withAttributes = ({ fields, inline }: ReadDocument, attributes: Attributes): ReadDocument => {
  for (const [name, value] of Object.entries(optionsIn(attributes))) {
    const field = fields[name as keyof ExportDocument];
    if (name === 'idempotencyKey' && field === undefined) continue;
    if (field !== value) {
      throw new CourierError('request-invalid', {
        detail:
          field === undefined
            ? `The attribute "${name}" stands beside an export document that has no "${name}"; only the document's fields count.`
            : `The attribute "${name}" differs from "${name}" in the export document.`,
        remedy: `Put "${name}" into the document, or give the attribute another name.`,
      });
    }
  }
  const { idempotencyKey } = parseInput(z.object({ idempotencyKey: fileShape.idempotencyKey }), attributes);
  return { fields: idempotencyKey === undefined ? fields : { ...fields, idempotencyKey }, inline };
};

/** https://cloud.google.com/storage/docs/pubsub-notifications#attributes */
const objectAttributes = z.object({
  bucketId: z.string(),
  objectId: z.string(),
  objectGeneration: z.exactOptional(z.string()),
});

/** Who brings the message, and what that allows; where it goes, the message says. */
type Asking = Omit<SourceRequest, 'destination'>;

/**
 * An object that has come to be: its name is the last segment of the object's, its path the rest; see object-place.ts. The notification's
 * custom attributes may say where it goes and what becomes of it.
 */
const openFinalized = async (
  attributes: Attributes,
  services: Pick<HttpDependencies, 'openObject'>,
  asking: Asking,
): Promise<Reading> => {
  const { bucketId, objectId, objectGeneration } = parseInput(objectAttributes, attributes);
  const object = objectNameOf(bucketId, objectId, objectGeneration);
  const place = placeOfObject(objectId);
  if ('ignored' in place)
    return { kind: 'ignored', why: `gs://${bucketId}/${objectId}: ${place.ignored}`, isLoss: place.isLoss };
  const said = parseInput(z.strictObject(fileShape), { ...optionsIn(attributes), ...place });
  const request = { ...asking, destination: said.destination };
  const { name: _, suffix, ...source } = await openObjectSource(services, object, request);
  return { kind: 'export', opened: asExport({ ...said, ...(suffix === undefined ? {} : { suffix }) }, source) };
};

const readEvent = async (
  attributes: Attributes,
  services: Pick<HttpDependencies, 'openObject'>,
  asking: Asking,
): Promise<Reading | undefined> => {
  const { eventType, bucketId, secretId } = attributes;
  if (eventType === undefined) return undefined;
  if (bucketId !== undefined) {
    if (eventType !== 'OBJECT_FINALIZE') return { kind: 'ignored', why: `${eventType} of an object` };
    return openFinalized(attributes, services, asking);
  }
  if (secretId === undefined) return undefined;
  // https://cloud.google.com/secret-manager/docs/event-notifications; a new version, or one that may not be used any more.
  return /^SECRET_(?:VERSION_|ROTATE|DELETE)/.test(eventType)
    ? { kind: 'rotated', secret: secretId }
    : { kind: 'ignored', why: `${eventType} of a secret` };
};

/**
 * What a message asks for; its attributes decide: a bucket's notification, a secret's, a named file, else an export document.
 * @throws CourierError as its parts do
 */
export const readMessage = async (
  message: PubsubMessage,
  services: Pick<HttpDependencies, 'openObject'>,
  asking: Asking,
): Promise<Reading> => {
  const { attributes, data } = message;
  const event = await readEvent(attributes, services, asking);
  if (event !== undefined) return event;
  if (attributes.name !== undefined) return { kind: 'export', opened: fileOf(message) };
  if (data.byteLength === 0) {
    throw new CourierError('request-invalid', {
      detail: 'The message has neither data nor attributes that ask for anything.',
    });
  }
  const document = withAttributes(await readExportDocument(bytesOf(data)), attributes);
  return { kind: 'export', opened: await openExport(document, services, asking) };
};
