import { CourierError } from '../../errors.ts';

/**
 * `gs://bucket/object#generation`; the generation is optional in a request, and always set after the object has been
 * found.
 */
export interface ObjectName {
  bucket: string;
  object: string;
  /** Decimal, as Cloud Storage writes it. */
  generation?: string | undefined;
}

const BUCKET = /^[a-z0-9][\w.-]{1,220}[a-z0-9]$/;

const invalid = (detail: string): CourierError => new CourierError('request-invalid', { detail });

/** 1 to 1,024 bytes of UTF-8 without CR and LF, and neither "." nor ".." (https://cloud.google.com/storage/docs/objects#naming). */
const isObject = (name: string): boolean =>
  name !== '' &&
  name !== '.' &&
  name !== '..' &&
  name.isWellFormed() &&
  Buffer.byteLength(name) <= 1024 &&
  !/[\r\n]/.test(name);

/** Checks the parts of an object name. @throws CourierError `request-invalid` for a name that no object can have */
export const objectNameOf = (bucket: string, object: string, generation?: string): ObjectName => {
  if (!BUCKET.test(bucket)) throw invalid('The bucket has a name that no bucket can have.');
  if (!isObject(object)) throw invalid('The object has a name that no object can have.');
  if (generation !== undefined && !/^\d{1,20}$/.test(generation)) throw invalid('The generation is not a number.');
  return { bucket, object, generation };
};

/** Reads `gs://bucket/object[#generation]`. @throws CourierError `request-invalid` */
export const parseObjectName = (text: string): ObjectName => {
  const slash = text.indexOf('/', 5);
  if (!text.startsWith('gs://') || slash === -1 || slash === text.length - 1) {
    throw invalid('source.gcs must be gs://bucket/object or gs://bucket/object#generation.');
  }
  // A "#" is part of the object name, unless only digits follow.
  const generation = /#(\d+)$/.exec(text)?.[1];
  const end = generation === undefined ? text.length : text.length - generation.length - 1;
  return objectNameOf(text.slice(5, slash), text.slice(slash + 1, end), generation);
};

/** `gs://bucket/object` */
export const labelOf = ({ bucket, object }: ObjectName): string => `gs://${bucket}/${object}`;

/** The error for an object that does not exist or that the caller must not know about. */
export const objectNotFound = (name: ObjectName): CourierError => {
  const which = name.generation === undefined ? '' : ` in generation ${name.generation}`;
  return new CourierError('source-not-found', { detail: `${labelOf(name)} does not exist${which}.` });
};
