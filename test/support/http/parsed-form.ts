import { CourierError } from '../../../src/errors.ts';
import { parseDisposition } from '../../../src/http/request/content-disposition.ts';
import { readParts } from '../../../src/http/request/multipart-body.ts';
import { inPieces } from './form-bodies.ts';

export type Parsed = { name: string; fileName?: string; value: string }[] | { code: string };

export async function* streamOf(pieces: Iterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  for (const piece of pieces) yield piece;
}

/** The parts of a form with bytes as Latin-1, or the code of its error. */
export const parseForm = async (
  bytes: Uint8Array,
  boundary: string,
  lengths: readonly number[] = [4096],
): Promise<Parsed> => {
  const parts: { name: string; fileName?: string; value: string }[] = [];
  try {
    for await (const { headers, read } of readParts(streamOf(inPieces(bytes, lengths)), boundary)) {
      const pieces: Uint8Array[] = [];
      for await (const piece of read()) pieces.push(piece);
      const value = Buffer.concat(pieces).toString('latin1');
      const { parameters } = parseDisposition(headers.get('content-disposition') ?? 'none');
      const fileName = parameters.get('filename');
      parts.push({ name: parameters.get('name') ?? '', value, ...(fileName === undefined ? {} : { fileName }) });
    }
    return parts;
  } catch (error) {
    if (error instanceof CourierError) return { code: error.code };
    throw error;
  }
};
