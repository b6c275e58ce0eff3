import { createHash } from 'node:crypto';
import { checkDigest } from '../digest.ts';
import { CourierError } from '../errors.ts';
import { type Part, readParts } from '../source/multipart-body.ts';
import { readContentDigest } from './content-digest.ts';
import { decodeFormName, parseDisposition } from './content-disposition.ts';
import { fileType, readContentType } from './media-type.ts';

const MOST_FIELDS = 16;
/** Room for the longest description, each of its characters in four bytes of UTF-8. */
const MOST_FIELD_BYTES = 16_384;

/** A form, read as far as the beginning of its file. */
export interface Form {
  fields: [string, string][];
  fileName: string;
  mimeType: string;
  /** Of the file, from its own part's `Content-Digest`. */
  expectedSha256: string | undefined;
  /** The file's bytes. They end well only when the form does, with nothing behind the file. */
  read(): AsyncIterable<Uint8Array>;
}

const invalid = (detail: string): CourierError => new CourierError('request-invalid', { detail });

const readField = async (part: Part, name: string): Promise<string> => {
  const pieces: Uint8Array[] = [];
  let size = 0;
  for await (const piece of part.read()) {
    size += piece.byteLength;
    if (size > MOST_FIELD_BYTES) throw invalid(`The field ${JSON.stringify(name.slice(0, 60))} is too long.`);
    pieces.push(piece);
  }
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(Buffer.concat(pieces));
  } catch (cause) {
    throw new CourierError('request-invalid', {
      detail: `The field ${JSON.stringify(name.slice(0, 60))} is not UTF-8.`,
      cause,
    });
  }
};

/** What a part of a form is called, and the file's name when it is a file (RFC 7578, 4.2). */
const identify = ({ headers }: Part): { name: string; fileName: string | undefined } => {
  const header = headers.get('content-disposition');
  if (header === undefined) throw invalid('A part of the form has no Content-Disposition.');
  const { type, parameters } = parseDisposition(header);
  const name = parameters.get('name');
  if (type !== 'form-data' || name === undefined) throw invalid('A part of the form has no name.');
  const encoding = headers.get('content-transfer-encoding')?.toLowerCase() ?? 'binary';
  if (!['7bit', '8bit', 'binary'].includes(encoding)) {
    throw invalid('A part of the form has a Content-Transfer-Encoding, which forms have no more (RFC 7578, 4.7).');
  }
  const plain = parameters.get('filename');
  const fileName = parameters.get('filename*') ?? (plain === undefined ? undefined : decodeFormName(plain));
  return { name: decodeFormName(name), fileName };
};

/** The whole form's digest is that of its content, boundaries and all (RFC 9530, 2). */
async function* digested(body: AsyncIterable<Uint8Array>, expected: string): AsyncGenerator<Uint8Array> {
  const hash = createHash('sha256');
  for await (const chunk of body) {
    hash.update(chunk);
    yield chunk;
  }
  checkDigest(expected, hash.digest('hex'));
}

/**
 * Reads a form up to its file: the options as fields, then exactly one file.
 * @param digest of the whole form, as the request announced it
 * @throws CourierError `request-invalid`, `body-truncated`, `digest-malformed`, `media-type-unsupported`
 */
export const readForm = async (
  body: AsyncIterable<Uint8Array>,
  boundary: string,
  digest?: string | undefined,
): Promise<Form> => {
  const parts = readParts(digest === undefined ? body : digested(body, digest), boundary);
  const fields: [string, string][] = [];
  for (;;) {
    const { done, value: part } = await parts.next();
    if (done) throw invalid('The form has no file: one part with a "filename" is needed.');
    const { name, fileName } = identify(part);
    if (fileName !== undefined) return asForm(part, fileName);
    if (fields.length === MOST_FIELDS) throw invalid(`The form has more than ${MOST_FIELDS} fields.`);
    fields.push([name, await readField(part, name)]);
  }

  function asForm(part: Part, fileName: string): Form {
    return {
      fields,
      fileName,
      mimeType: fileType(readContentType(part.headers.get('content-type'))),
      expectedSha256: readContentDigest(part.headers.get('content-digest') ?? null),
      async *read() {
        try {
          yield* part.read();
          const { done, value: another } = await parts.next();
          if (done) return;
          const { name, fileName: second } = identify(another);
          throw invalid(
            second === undefined
              ? `The field ${JSON.stringify(name.slice(0, 60))} comes after the file; options go before it.`
              : 'The form has more than one file.',
          );
        } finally {
          await parts.return(undefined);
        }
      },
    };
  }
};
