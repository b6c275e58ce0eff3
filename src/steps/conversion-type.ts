import type { Delivery } from '../delivery.ts';
import { UNKNOWN_TYPE } from '../media-type.ts';
import { mediaTypeByName } from '../media-type-by-name.ts';

/**
 * What Drive converts depends on the type. Many clients send every file as `application/octet-stream`, which says only that
 * they don't know it, so that a conversion takes the type that the name suggests.
 */
export const withConversionType = (
  delivery: Delivery,
  { convertTo, name }: { convertTo?: string | undefined; name: string },
): Delivery =>
  convertTo === undefined || delivery.source.mimeType !== UNKNOWN_TYPE
    ? delivery
    : { ...delivery, source: { ...delivery.source, mimeType: mediaTypeByName(name) } };
