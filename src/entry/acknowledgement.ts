import type { CourierError } from '../errors.ts';

/**
 * Whether a message that failed is given up, since it would fail for ever, or comes again. The table of errors decides:
 * what is wrong with the message itself has a status below 500; set-up and passing faults are somebody else's, and
 * Pub/Sub's own dead-letter policy counts them.
 */
export const isForGood = ({ status, retryable, code }: CourierError): boolean =>
  // A message comes whole, so bytes that end early are never its own fault.
  status < 500 && !retryable && code !== 'body-truncated';
