/** One part of a `multipart/form-data` body. */
export interface FormPart {
  name: string;
  value: string | Uint8Array;
  /** Makes the part a file. Written unescaped between quotes. */
  fileName?: string;
  type?: string;
  /** More header lines, or a custom Content-Disposition. */
  lines?: readonly string[];
}

export const BOUNDARY = 'x-boundary-7d3';

const headerOf = ({ name, fileName, type, lines = [] }: FormPart): string => {
  const own = lines.some((line) => /^content-disposition:/i.test(line));
  const file = fileName === undefined ? '' : `; filename="${fileName}"`;
  const disposition = own ? [] : [`Content-Disposition: form-data; name="${name}"${file}`];
  const contentType = type === undefined ? [] : [`Content-Type: ${type}`];
  return [...disposition, ...contentType, ...lines, '', ''].join('\r\n');
};

/** The bytes of a form. */
export const formOf = (parts: readonly FormPart[], boundary = BOUNDARY): Buffer =>
  Buffer.concat([
    ...parts.flatMap((part) => [
      Buffer.from(`--${boundary}\r\n${headerOf(part)}`),
      Buffer.from(part.value),
      Buffer.from('\r\n'),
    ]),
    Buffer.from(`--${boundary}--\r\n`),
  ]);

export const formType = (boundary = BOUNDARY): string => `multipart/form-data; boundary=${boundary}`;

/** The bytes in pieces of the given lengths, repeated in a cycle. */
export const inPieces = (bytes: Uint8Array, lengths: readonly number[]): Uint8Array[] => {
  const pieces: Uint8Array[] = [];
  for (let at = 0, turn = 0; at < bytes.byteLength; turn += 1) {
    const length = Math.max(1, lengths[turn % lengths.length] ?? 1);
    pieces.push(bytes.subarray(at, at + length));
    at += length;
  }
  return pieces;
};
