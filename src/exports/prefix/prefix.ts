import { CourierError } from '../../errors.ts';
import { objectNameOf } from '../sources/object-name.ts';

/** The beginning of the names of objects in a bucket. */
export interface Prefix {
  bucket: string;
  /** Empty for the whole bucket. */
  prefix: string;
}

/**
 * Reads `gs://bucket/prefix`. A final `*` or `**` means the same as nothing, as in other programs.
 * @throws CourierError `request-invalid`
 */
export const parsePrefix = (text: string): Prefix => {
  const slash = text.indexOf('/', 'gs://'.length);
  if (!text.startsWith('gs://') || slash === -1) {
    throw new CourierError('request-invalid', {
      detail: 'source.gcsPrefix must be gs://bucket/ or gs://bucket/prefix.',
    });
  }
  const prefix = text.slice(slash + 1).replace(/\*{1,2}$/, '');
  const { bucket } = objectNameOf(text.slice('gs://'.length, slash), prefix === '' ? 'x' : prefix);
  if (/[*?]/.test(prefix)) {
    throw new CourierError('request-invalid', {
      detail: 'source.gcsPrefix has a wildcard.',
      remedy: 'Put the pattern into "match", such as {"gcsPrefix": "gs://bucket/folder/", "match": "*.csv"}.',
    });
  }
  return { bucket, prefix };
};

/** `gs://bucket/prefix` */
export const prefixLabel = ({ bucket, prefix }: Prefix): string => `gs://${bucket}/${prefix}`;

/** The name of an object below the folder of the prefix: what follows the last slash of the prefix. */
export const relativeName = ({ prefix }: Prefix, name: string): string => name.slice(prefix.lastIndexOf('/') + 1);
