import { hasDotSegment } from '../../config/schema/sources.ts';
import type { ObjectName } from './cloud-storage.ts';

/**
 * True when the object lies below one of these `gs://BUCKET/` or `gs://BUCKET/PREFIX/`. Names are compared to the letter: Cloud
 * Storage has no folders and resolves nothing, so `a/../b` is below `a/`. Nobody means that, so such names are never allowed.
 */
export const isAllowedSource = (sources: readonly string[], { bucket, object }: ObjectName): boolean =>
  !hasDotSegment(object) && sources.some((source) => `gs://${bucket}/${object}`.startsWith(source));
