import { CourierError } from '../errors.ts';

/** A file larger than a destination's `maxBytes`. The usual remedy of `too-large`, another endpoint, would not help. */
export const pastMaxBytes = (detail: string): CourierError =>
  new CourierError('too-large', {
    detail,
    remedy: 'Ask the operator to raise "maxBytes" of the destination; an upload session has the same limit.',
  });
