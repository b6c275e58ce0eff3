import { CourierError } from '../../errors.ts';

/** `gs://bucket/object#generation`; the generation is optional when asked for, and always there once found. */
export interface ObjectName {
  bucket: string;
  object: string;
  /** Decimal, as Cloud Storage writes it. */
  generation?: string;
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

/** An object's name in its parts. @throws CourierError `request-invalid` for what Cloud Storage has no object of */
export const objectNameOf = (bucket: string, object: string, generation?: string): ObjectName => {
  if (!BUCKET.test(bucket)) throw invalid('The bucket has a name that no bucket can have.');
  if (!isObject(object)) throw invalid('The object has a name that no object can have.');
  if (generation !== undefined && !/^\d{1,20}$/.test(generation)) throw invalid('The generation is no number.');
  return { bucket, object, ...(generation === undefined ? {} : { generation }) };
};

/** Reads `gs://bucket/object[#generation]`. @throws CourierError `request-invalid` */
export const parseObjectName = (text: string): ObjectName => {
  const slash = text.indexOf('/', 5);
  if (!text.startsWith('gs://') || slash === -1) {
    throw invalid('source.gcs must be gs://bucket/object or gs://bucket/object#generation.');
  }
  // A "#" within the name is a part of it, unless nothing but a number follows.
  const generation = /#(\d+)$/.exec(text)?.[1];
  const end = generation === undefined ? text.length : text.length - generation.length - 1;
  return objectNameOf(text.slice(5, slash), text.slice(slash + 1, end), generation);
};

/** `gs://bucket/object` */
export const labelOf = ({ bucket, object }: ObjectName): string => `gs://${bucket}/${object}`;

/** For what does not exist, and for what must look so. */
export const objectNotFound = (name: ObjectName): CourierError => {
  const which = name.generation === undefined ? '' : ` in generation ${name.generation}`;
  return new CourierError('source-not-found', { detail: `${labelOf(name)} does not exist${which}.` });
};
