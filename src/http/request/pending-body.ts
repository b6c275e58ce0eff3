import type { Incoming } from './request-body.ts';
import type { Bindings } from '../environment.ts';

/** True while bytes of the request's body may still be on their way: nobody has read it, or not to its end. */
export const isBodyPending = (incoming: Incoming): boolean => {
  if (incoming.rawBody !== undefined || incoming.readableEnded) return false;
  if ('stream' in incoming) return !incoming.stream.endAfterHeaders;
  if (incoming.complete) return false;
  const { 'content-length': length, 'transfer-encoding': encoding } = incoming.headers;
  return encoding !== undefined || (length !== undefined && length !== '0');
};

/** True once the connection or the stream of a request is closed; HTTP/2's response does not say so itself. */
export const isCallerGone = ({ incoming, outgoing }: Pick<Bindings, 'incoming' | 'outgoing'>): boolean =>
  'stream' in incoming ? incoming.stream.destroyed : outgoing.destroyed;
