import type { Incoming } from '../source/request-body.ts';

/** True while bytes of the request's body may still be on their way: nobody has read it, or not to its end. */
export const isBodyPending = (incoming: Incoming): boolean => {
  if (incoming.rawBody !== undefined || incoming.readableEnded) return false;
  if ('stream' in incoming) return !incoming.stream.endAfterHeaders;
  if (incoming.complete) return false;
  const { 'content-length': length, 'transfer-encoding': encoding } = incoming.headers;
  return encoding !== undefined || (length !== undefined && length !== '0');
};
