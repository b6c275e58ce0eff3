import { isDeepStrictEqual } from 'node:util';
import { z } from 'zod';
import type { TransferRunRules } from '../config/schema/pubsub.ts';
import { CourierError } from '../errors.ts';
import { bytesOf } from '../exports/bytes/spool.ts';
import {
  asExport,
  asManyDocument,
  attributeShape,
  type ExportDocument,
  type ManyDocument,
  type OpenedExport,
  openExport,
  type ReadDocument,
  readExportDocument,
} from '../exports/export-document.ts';
import { placeOfObject } from '../exports/object-place.ts';
import { openObjectSource, type SourceRequest } from '../exports/source-access.ts';
import { bytesSource } from '../exports/sources/inline.ts';
import { objectNameOf } from '../exports/sources/object-name.ts';
import type { HttpDependencies } from '../http/dependencies.ts';
import { parseInput } from '../http/request/options.ts';
import { mediaTypeByName } from '../text/media-type.ts';
import type { PubsubMessage } from './message.ts';

/** The meaning of a message. */
export type Reading =
  | { kind: 'export'; opened: OpenedExport }
  /** One message for each object is to be published. */
  | { kind: 'many'; document: ManyDocument }
  | { kind: 'rotated'; secret: string }
  /** `isLoss`: somebody may expect the file that is not delivered. */
  | { kind: 'ignored'; why: string; isLoss?: boolean };

type Attributes = PubsubMessage['attributes'];

const OPTIONS = Object.keys(attributeShape);
const looseName = (name: string): string => name.toLowerCase().replaceAll(/[_-]/g, '');
const BY_LOOSE_NAME = new Map(OPTIONS.map((name) => [looseName(name), name]));

/**
 * The options among a message's attributes. Other attributes are ignored, because tracing, Google or the publisher may
 * add them. A misspelled option is an error.
 */
const optionsIn = (attributes: Attributes): Record<string, string> => {
  const options: Record<string, string> = {};
  for (const [name, value] of Object.entries(attributes)) {
    const option = BY_LOOSE_NAME.get(looseName(name));
    if (option === undefined) continue;
    if (option !== name) {
      throw new CourierError('request-invalid', {
        detail: `There is no attribute ${JSON.stringify(name)}; use "${option}".`,
      });
    }
    options[name] = value;
  }
  return options;
};

/** A message whose data is the content of the file. */
const fileOf = ({ attributes, data }: PubsubMessage): OpenedExport => {
  const options = parseInput(z.strictObject(attributeShape), optionsIn(attributes));
  return asExport(options, bytesSource(data, mediaTypeByName(options.name)));
};

/** The value that an attribute means: a JSON text for `properties`. Undefined for one that is invalid. */
const parsedAttribute = (name: string, value: string): unknown =>
  z
    .object(attributeShape)
    .partial()
    .safeParse({ [name]: value }).data?.[name as keyof typeof attributeShape];

/**
 * Attributes may repeat fields of the document, because subscriptions filter by attributes. Different values are an
 * error.
 */
const withAttributes = ({ fields, inline }: ReadDocument, attributes: Attributes): ReadDocument => {
  for (const [name, value] of Object.entries(optionsIn(attributes))) {
    const field = fields[name as keyof ExportDocument];
    if (name === 'idempotencyKey' && field === undefined) continue;
    if (field !== value && !isDeepStrictEqual(field, parsedAttribute(name, value))) {
      throw new CourierError('request-invalid', {
        detail:
          field === undefined
            ? `The attribute "${name}" is not in the export document, which has no "${name}"; only the document's fields count.`
            : `The attribute "${name}" differs from "${name}" in the export document.`,
        remedy: `Put "${name}" into the document, or give the attribute another name.`,
      });
    }
  }
  const { idempotencyKey } = parseInput(z.object({ idempotencyKey: attributeShape.idempotencyKey }), attributes);
  return { fields: idempotencyKey === undefined ? fields : { ...fields, idempotencyKey }, inline };
};

/** https://cloud.google.com/storage/docs/pubsub-notifications#attributes */
const objectAttributes = z.object({
  bucketId: z.string(),
  objectId: z.string(),
  objectGeneration: z.exactOptional(z.string()),
});

/** The sender of the message and its permissions. The destination is in the message itself. */
type SenderContext = Omit<SourceRequest, 'destination'>;

/**
 * A new object in Cloud Storage. The file's name is the last segment of the object's name, and its path is the rest;
 * see object-place.ts. Custom attributes of the notification may set the delivery options.
 */
const openFinalized = async (
  attributes: Attributes,
  dependencies: Pick<HttpDependencies, 'openObject'>,
  sender: SenderContext,
): Promise<Reading> => {
  const { bucketId, objectId, objectGeneration } = parseInput(objectAttributes, attributes);
  const object = objectNameOf(bucketId, objectId, objectGeneration);
  const place = placeOfObject(objectId);
  if ('ignored' in place)
    return { kind: 'ignored', why: `gs://${bucketId}/${objectId}: ${place.ignored}`, isLoss: place.isLoss };
  const options = parseInput(z.strictObject(attributeShape), { ...optionsIn(attributes), ...place });
  const request = { ...sender, destination: options.destination };
  const { name: _, suffix, ...source } = await openObjectSource(dependencies, object, request);
  const placed = { ...options, isPathOfObject: true, suffix };
  return { kind: 'export', opened: asExport(placed, source) };
};

const readEvent = async (
  attributes: Attributes,
  dependencies: Pick<HttpDependencies, 'openObject'>,
  sender: SenderContext,
): Promise<Reading | undefined> => {
  const { eventType, bucketId, secretId } = attributes;
  if (eventType === undefined) return undefined;
  if (bucketId !== undefined) {
    if (eventType !== 'OBJECT_FINALIZE') return { kind: 'ignored', why: `${eventType} of an object` };
    return openFinalized(attributes, dependencies, sender);
  }
  if (secretId === undefined) return undefined;
  // https://cloud.google.com/secret-manager/docs/event-notifications; a secret version is new, disabled or destroyed,
  // or the secret is rotated or deleted.
  return /^SECRET_(?:VERSION_|ROTATE|DELETE)/.test(eventType)
    ? { kind: 'rotated', secret: secretId }
    : { kind: 'ignored', why: `${eventType} of a secret` };
};

type ReadingDependencies = Pick<HttpDependencies, 'openObject' | 'openPrefix' | 'openQuery' | 'project'>;

/** https://cloud.google.com/bigquery/docs/transfer-run-notifications */
const RUN_FINISHED = 'TRANSFER_RUN_FINISHED';

const openRun = async (
  data: Buffer,
  rules: TransferRunRules | undefined,
  dependencies: ReadingDependencies,
  sender: SenderContext,
): Promise<Reading> => {
  const { readTransferRun } = await import('./transfer-run.ts');
  const run = await readTransferRun(data, rules, dependencies.project);
  if ('why' in run) return { kind: 'ignored', ...run };
  return { kind: 'export', opened: await openExport(run.document, dependencies, sender) };
};

/**
 * Reads a message. Its attributes show its kind: a notification of a bucket, a secret or a transfer run, a named file, else
 * an export document.
 * @throws CourierError any error of the functions that read these kinds
 */
export const readMessage = async (
  message: PubsubMessage,
  dependencies: ReadingDependencies,
  sender: SenderContext,
  transferRuns?: TransferRunRules,
): Promise<Reading> => {
  const { attributes, data } = message;
  if (attributes.eventType === RUN_FINISHED) return openRun(data, transferRuns, dependencies, sender);
  const event = await readEvent(attributes, dependencies, sender);
  if (event !== undefined) return event;
  if (attributes.name !== undefined) return { kind: 'export', opened: fileOf(message) };
  if (data.byteLength === 0) {
    throw new CourierError('request-invalid', {
      detail: 'The message has neither data nor attributes that request a delivery.',
    });
  }
  const document = withAttributes(await readExportDocument(bytesOf(data)), attributes);
  const many = asManyDocument(document.fields);
  if (many !== undefined) return { kind: 'many', document: many };
  return { kind: 'export', opened: await openExport(document, dependencies, sender) };
};
