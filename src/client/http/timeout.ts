import { isError } from '../realms.ts';

/** An error like the reason of `AbortSignal.timeout`, with a message that names the operation that took too long. */
export const timeoutError = (message: string): Error => Object.assign(new Error(message), { name: 'TimeoutError' });

/** The message of a timeout, however many libraries wrapped it; undefined for any other error. */
export const timeoutIn = (error: unknown): string | undefined => {
  for (let each = error; isError(each); each = each.cause) {
    if (each.name === 'TimeoutError') return each.message;
  }
  return undefined;
};
