import { CourierError } from '../../errors.ts';
import { parseContentType } from '../../text/media-type.ts';
import { turn } from '../../turns.ts';
import { ROW_FORMATS } from '../media-types.ts';
import { type ReadOptions, readCsv } from './read-csv.ts';
import { readJsonLines } from './read-json-lines.ts';
import { invalidTable, type RowOrHeader } from './table.ts';

/** Read in one turn of the event loop: every byte can be a row. */
const PIECE_BYTES = 4_096;

const decoderOf = (charset: string | undefined): InstanceType<typeof TextDecoder> => {
  try {
    return new TextDecoder(charset ?? 'utf-8', { fatal: true });
  } catch {
    throw new CourierError('conversion-refused', { detail: `The charset "${charset}" of the rows is unknown.` });
  }
};

async function* decode(bytes: AsyncIterable<Uint8Array>, charset: string | undefined): AsyncGenerator<string> {
  const decoder = decoderOf(charset);
  const decoded = (piece?: Uint8Array): string => {
    try {
      return piece === undefined ? decoder.decode() : decoder.decode(piece, { stream: true });
    } catch {
      throw invalidTable(
        `The rows are not ${charset ?? 'UTF-8'}.`,
        'Send them as UTF-8, or name their charset in the media type.',
      );
    }
  };
  for await (const piece of bytes) {
    for (let at = 0; at < piece.byteLength; at += PIECE_BYTES) {
      if (at > 0) await turn();
      const text = decoded(piece.subarray(at, at + PIECE_BYTES));
      if (text !== '') yield text;
    }
  }
  const rest = decoded();
  if (rest !== '') yield rest;
}

/**
 * Reads rows from bytes while they arrive.
 * @param quotedIsText of CSV: quoted cells are texts, and only unquoted ones may be numbers
 * @throws CourierError `conversion-refused` for another media type, `request-invalid` for malformed rows
 */
export const readRows = (
  bytes: AsyncIterable<Uint8Array>,
  { mimeType, quotedIsText = false, ...options }: ReadOptions & { mimeType: string; quotedIsText?: boolean },
): AsyncGenerator<RowOrHeader> => {
  const type = parseContentType(mimeType);
  const format = ROW_FORMATS.get(type?.mediaType ?? '');
  if (format === undefined) {
    throw new CourierError('conversion-refused', {
      detail: `Rows cannot be read from ${type?.mediaType ?? 'a file without a type'}.`,
      remedy: 'Send CSV (text/csv), tab-separated values or JSON Lines (application/x-ndjson).',
    });
  }
  const texts = decode(bytes, type?.parameters?.get('charset'));
  if (format === 'json-lines') return readJsonLines(texts, options);
  return readCsv(texts, { ...options, quotedIsText, delimiter: format === 'tsv' ? '\t' : undefined });
};
