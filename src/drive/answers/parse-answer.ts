import { CourierError } from '../../errors.ts';

/**
 * Reads a successful answer of Drive. One that is no JSON, or of another form than Google documents, comes from a proxy or
 * from an outage, so it is a transient error and no fault of the courier.
 */
export const parseAnswer = <Answer>(parse: () => Answer): Answer => {
  try {
    return parse();
  } catch (cause) {
    throw new CourierError('drive-unavailable', { detail: 'Drive gave an answer that cannot be read.', cause });
  }
};
