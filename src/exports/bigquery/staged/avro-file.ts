import { promisify } from 'node:util';
import { inflateRaw } from 'node:zlib';
import type { Field, Row } from '../encode.ts';
import { AvroError, type AvroSchema, type Cursor, recordReader } from './avro-values.ts';
import { type ByteReader, createByteReader, EndOfBytes } from './byte-reader.ts';

/** "Obj" and the version: https://avro.apache.org/docs/1.12.0/specification/#object-container-files */
const MAGIC = Buffer.from('Obj\u0001');
const MARKER_BYTES = 16;
/** Nothing larger is held in memory. A row of BigQuery has at most 100 MB. */
const MAX_BLOCK_BYTES = 134_217_728;

const inflate = promisify(inflateRaw);

const readLength = async (reader: ByteReader): Promise<number> => {
  let value = 0;
  for (let factor = 1; factor <= 2 ** 42; factor *= 128) {
    const [byte = 0] = await reader.take(1);
    value += (byte & 0x7f) * factor;
    if (byte < 0x80) return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
  }
  throw new AvroError('a length is too large');
};

const takeBytes = async (reader: ByteReader): Promise<Buffer> => {
  const length = await readLength(reader);
  if (length < 0 || length > MAX_BLOCK_BYTES) throw new AvroError(`a block has ${length} bytes`);
  return Buffer.from(await reader.take(length));
};

interface Header {
  schema: AvroSchema;
  codec: string;
  marker: Buffer;
}

const readHeader = async (reader: ByteReader): Promise<Header> => {
  if (!(await reader.take(MAGIC.byteLength)).equals(MAGIC)) throw new AvroError('not an Avro file');
  const metadata = new Map<string, Buffer>();
  for (let count = await readLength(reader); count !== 0; count = await readLength(reader)) {
    if (count < 0) await readLength(reader);
    for (let index = 0; index < Math.abs(count); index += 1) {
      const key = (await takeBytes(reader)).toString();
      metadata.set(key, await takeBytes(reader));
    }
  }
  const codec = metadata.get('avro.codec')?.toString() ?? 'null';
  if (codec !== 'null' && codec !== 'deflate') throw new AvroError(`the codec ${codec}`);
  const schema = JSON.parse(metadata.get('avro.schema')?.toString() ?? 'null') as AvroSchema;
  return { schema, codec, marker: Buffer.from(await reader.take(MARKER_BYTES)) };
};

const inflated = async (block: Buffer): Promise<Buffer> => {
  try {
    return await inflate(block, { maxOutputLength: MAX_BLOCK_BYTES });
  } catch (cause) {
    throw new AvroError('a block is not complete, or too large', { cause });
  }
};

/** A block can have many rows. */
const GROUP_ROWS = 250;

/** The rows of a file, some at a time. @throws AvroError */
export async function* rowsOfAvro(bytes: AsyncIterable<Uint8Array>, fields: readonly Field[]): AsyncGenerator<Row[]> {
  const reader = createByteReader(bytes);
  try {
    const { schema, codec, marker } = await readHeader(reader);
    const readRow = recordReader(fields, schema);
    while (!(await reader.isAtEnd())) {
      const count = await readLength(reader);
      const block = await takeBytes(reader);
      const cursor: Cursor = { bytes: codec === 'deflate' ? await inflated(block) : block, at: 0 };
      if (!(await reader.take(MARKER_BYTES)).equals(marker))
        throw new AvroError('a block does not end where it should');
      for (let left = count; left > 0; left -= GROUP_ROWS)
        yield Array.from({ length: Math.min(left, GROUP_ROWS) }, () => readRow(cursor));
      if (cursor.at !== cursor.bytes.byteLength) throw new AvroError('a block has more bytes than rows');
    }
  } catch (error) {
    throw error instanceof EndOfBytes ? new AvroError('the file is not complete', { cause: error }) : error;
  } finally {
    await reader.close();
  }
}
