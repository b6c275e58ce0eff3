import { parseContentType } from '../text/media-type.ts';

/** Media types whose bytes are rows, with how they are read. */
export const ROW_FORMATS: ReadonlyMap<string, 'csv' | 'tsv' | 'json-lines'> = new Map([
  ['text/csv', 'csv'],
  ['application/csv', 'csv'],
  ['text/tab-separated-values', 'tsv'],
  ['application/x-ndjson', 'json-lines'],
  ['application/ndjson', 'json-lines'],
  ['application/jsonl', 'json-lines'],
  ['application/x-jsonlines', 'json-lines'],
]);

/** Whether the courier can read rows from bytes of this media type. */
export const hasRows = (mimeType: string): boolean => ROW_FORMATS.has(parseContentType(mimeType)?.mediaType ?? '');
