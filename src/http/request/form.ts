import { CourierError } from '../../errors.ts';
import { parseContentType } from '../../text/media-type.ts';
import { type ExpectedDigest, readBodyDigests, sha256Among, withDigests } from './body-digests.ts';
import { fileType, readContentType, rejectPartCodings } from './body-headers.ts';
import {
  type Disposition,
  decodeFormName,
  fileNameIn,
  parseDisposition,
  SEND_UTF8,
  textOf,
} from './content-disposition.ts';
import { decodeBytes } from './encoded-words.ts';
import { type Part, readParts } from './multipart-body.ts';

const MAX_FIELDS = 16;
/** The longest description with four bytes of UTF-8 for each of its characters. */
const MAX_FIELD_BYTES = 16_384;

/** A form that has been read up to the start of its file. */
export interface Form {
  fields: [string, string][];
  fileName: string;
  mimeType: string;
  /** The digest of the file, from the headers of its part. */
  expectedSha256: string | undefined;
  /** The file's bytes. Throws at the end unless the form is complete and nothing follows the file. */
  read(): AsyncIterable<Uint8Array>;
}

const invalid = (detail: string, remedy?: string): CourierError =>
  new CourierError('request-invalid', { detail, remedy });

const quoted = (name: string): string => JSON.stringify(name.slice(0, 60));

const digestsOf = ({ headers }: Part): ExpectedDigest[] => readBodyDigests((name) => headers.get(name));

/** The charset in a text field's Content-Type: some clients send ISO-8859-1 (RFC 7578, 4.5). */
const charsetOf = ({ headers }: Part): string =>
  parseContentType(headers.get('content-type') ?? '')?.parameters?.get('charset') ?? 'utf-8';

const readField = async (part: Part, name: string): Promise<string> => {
  const pieces: Uint8Array[] = [];
  let size = 0;
  for await (const piece of withDigests(part.read(), digestsOf(part))) {
    size += piece.byteLength;
    if (size > MAX_FIELD_BYTES) throw invalid(`The field ${quoted(name)} is too long.`);
    pieces.push(piece);
  }
  const charset = charsetOf(part);
  const text = decodeBytes(Buffer.concat(pieces), charset);
  if (text === undefined) {
    throw invalid(
      `The field ${quoted(name)} is not ${charset === 'utf-8' ? 'UTF-8' : `in ${quoted(charset)}`}.`,
      SEND_UTF8,
    );
  }
  return text;
};

const dispositionOf = ({ headers }: Part): Disposition => {
  const header = headers.get('content-disposition');
  if (header === undefined) throw invalid('A part of the form has no Content-Disposition.');
  return parseDisposition(header);
};

/** The name of a form part, and the file name if the part is a file (RFC 7578, 4.2). */
const identify = (part: Part): { name: string; fileName: string | undefined } => {
  const disposition = dispositionOf(part);
  const name = disposition.parameters.get('name');
  if (disposition.type !== 'form-data' || name === undefined) throw invalid('A part of the form has no name.');
  rejectPartCodings(part.headers);
  return {
    name: decodeFormName(textOf(name, 'The name of a field')),
    fileName: fileNameIn(disposition, { fromForm: true }),
  };
};

const afterFile = (name: string): CourierError =>
  invalid(
    `The field ${quoted(name)} comes after the file; options go before it.`,
    `Send the field ${quoted(name)} before the file, or pass it in the query: ?${encodeURIComponent(name.toWellFormed().slice(0, 60))}=…`,
  );

/**
 * Reads a form up to its file: first the options as fields, then exactly one file.
 * @param digests the announced digests of the whole form, including its boundaries (RFC 9530, 2)
 * @throws CourierError `request-invalid`, `body-truncated`, `digest-malformed`, `digest-mismatch`,
 * `media-type-unsupported`, `range-unsupported`
 */
export const readForm = async (
  body: AsyncIterable<Uint8Array>,
  boundary: string,
  digests: readonly ExpectedDigest[] = [],
): Promise<Form> => {
  const parts = readParts(digests.length === 0 ? body : withDigests(body, digests), boundary);
  const fields: [string, string][] = [];
  for (;;) {
    const { done, value: part } = await parts.next();
    if (done) {
      throw invalid(
        'The form has no file: one part with a "filename" is needed.',
        'Send the file as a part with a "filename" in its Content-Disposition (curl: --form "file=@report.csv").',
      );
    }
    const { name, fileName } = identify(part);
    if (fileName !== undefined) return asForm(part, fileName);
    if (fields.length === MAX_FIELDS) throw invalid(`The form has more than ${MAX_FIELDS} fields.`);
    fields.push([name, await readField(part, name)]);
  }

  function asForm(part: Part, fileName: string): Form {
    const fileDigests = digestsOf(part);
    return {
      fields,
      fileName,
      mimeType: fileType(readContentType(part.headers.get('content-type'))),
      expectedSha256: sha256Among(fileDigests),
      async *read() {
        try {
          yield* withDigests(
            part.read(),
            fileDigests.filter(({ algorithm }) => algorithm !== 'sha256'),
          );
          const { done, value: another } = await parts.next();
          if (done) return;
          const { name, fileName: second } = identify(another);
          throw second === undefined ? afterFile(name) : invalid('The form has more than one file.');
        } finally {
          await parts.return(undefined);
        }
      },
    };
  }
};
