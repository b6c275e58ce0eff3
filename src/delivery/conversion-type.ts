import type { Delivery } from '../domain.ts';
import { UNKNOWN_TYPE } from '../text/media-type.ts';
import { mediaTypeByName } from '../text/media-type-by-name.ts';

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
