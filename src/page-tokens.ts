import type { CourierError } from './errors.ts';

/**
 * Checks the token of each next page of a list: a server that sends a page again would keep the courier busy, and its memory
 * growing, until the deadline. It finds any circle of pages without keeping all tokens (Brent's algorithm).
 * @param repeated creates the error
 * @returns a function that throws the error if the token leads back to a page that has been read
 */
export const createPageTokenCheck = (repeated: () => CourierError): ((token: string | undefined) => void) => {
  let kept: string | undefined;
  let steps = 0;
  let stepsToKeep = 1;
  return (token) => {
    if (token === undefined) return;
    if (token === kept) throw repeated();
    steps += 1;
    if (steps < stepsToKeep) return;
    kept = token;
    steps = 0;
    stepsToKeep *= 2;
  };
};
