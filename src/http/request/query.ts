import { CourierError } from '../../errors.ts';

const MAX_PARAMETERS = 32;

/** What to do about characters in a URL that must be percent-encoded. */
export const PERCENT_ENCODE =
  'Percent-encode names and paths as UTF-8, or let the client do it: curl --url-query "name=…" (7.87 or newer), params={…} in Python.';

const invalid = (detail: string, cause?: unknown): CourierError =>
  new CourierError('request-invalid', { detail, remedy: PERCENT_ENCODE, cause });

const decode = (text: string): string => {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '));
  } catch (cause) {
    throw invalid('The query is not percent-encoded UTF-8.', cause);
  }
};

/**
 * Reads the parameters of a request's query. Bytes that are not UTF-8 are rejected; URLSearchParams would put "\uFFFD"
 * into a file's name instead.
 * @param target the request target, exactly as it was received
 * @throws CourierError `request-invalid`
 */
export const readQuery = (target: string): [string, string][] => {
  const start = target.indexOf('?');
  if (start === -1) return [];
  const query = target.slice(start + 1).replace(/#.*$/s, '');
  if (/[^\x21-\x7e]/.test(query)) throw invalid('The query has characters that must be percent-encoded.');
  const pairs = query.split('&').filter((pair) => pair !== '');
  if (pairs.length > MAX_PARAMETERS) {
    throw new CourierError('request-invalid', { detail: `The query has more than ${MAX_PARAMETERS} parameters.` });
  }
  return pairs.map((pair) => {
    const equals = pair.indexOf('=');
    return equals === -1 ? [decode(pair), ''] : [decode(pair.slice(0, equals)), decode(pair.slice(equals + 1))];
  });
};

/**
 * Rejects any query, for routes whose options are all in the body: it would be ignored silently.
 * @throws CourierError `request-invalid`
 */
export const rejectQuery = (target: string): void => rejectOptions(readQuery(target));

/** Rejects any parameter. @throws CourierError `request-invalid` */
export const rejectOptions = ([first]: readonly [string, string][]): void => {
  if (first === undefined) return;
  throw new CourierError('request-invalid', {
    detail: `The query has "${first[0].slice(0, 100)}", but the options of this request are in its body.`,
  });
};
