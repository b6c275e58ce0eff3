import { CourierError } from '../errors.ts';

/** Past a destination's `maxBytes` the way does not matter, so the table's remedy, another way, would lead nowhere. */
export const pastMaxBytes = (detail: string): CourierError =>
  new CourierError('too-large', {
    detail,
    remedy: 'Ask the operator to raise "maxBytes" of the destination; an upload session has the same limit.',
  });
