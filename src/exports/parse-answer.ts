import { CourierError } from '../errors.ts';

/** The error for an answer that is not what the API documents. */
export const unreadableAnswer = (api: 'BigQuery' | 'Cloud Storage', cause?: unknown): CourierError =>
  new CourierError('google-unavailable', { detail: `The answer of ${api} cannot be read.`, cause });

/** The error for a list whose next page is one that has been read. */
export const repeatedPage = (api: 'BigQuery' | 'Cloud Storage'): CourierError =>
  new CourierError('google-unavailable', { detail: `${api} sent a page of the list again, instead of the next one.` });

/** Parses an answer. @throws CourierError `google-unavailable` if it cannot be parsed */
export const parseAnswer = <Output>(api: 'BigQuery' | 'Cloud Storage', parse: () => Output): Output => {
  try {
    return parse();
  } catch (cause) {
    throw unreadableAnswer(api, cause);
  }
};
