import { promisify } from 'node:util';
import { inflateRaw } from 'node:zlib';
import type { Field, Row } from '../encode.ts';
import { AvroError, type AvroSchema, AvroSchemaError, type Cursor, recordReader } from './avro-values.ts';
import { type ByteReader, createByteReader, EndOfBytes } from './byte-reader.ts';

/** "Obj" and the version: https://avro.apache.org/docs/1.12.0/specification/#object-container-files */
const MAGIC = Buffer.from('Obj\u0001');
const MARKER_BYTES = 16;
/** Nothing larger is held in memory. A row of BigQuery has at most 100 MB. */
const MAX_BLOCK_BYTES = 134_217_728;
/** The schema is parsed at once. 10,000 columns, the most of a table, have about a megabyte. */
const MAX_HEADER_BYTES = 8_388_608;

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

const takeBytes = async (reader: ByteReader, max = MAX_BLOCK_BYTES): Promise<Buffer> => {
  const length = await readLength(reader);
  if (length < 0 || length > max) throw new AvroError(`a block has ${length} bytes`);
  return Buffer.from(await reader.take(length));
};

interface Header {
  readRow: ReturnType<typeof recordReader>;
  codec: string;
  marker: Buffer;
}

/** Reads rows with the schema of the file, which is any text until it is understood. @throws AvroError */
const rowReader = (text: string, fields: readonly Field[]): Header['readRow'] => {
  try {
    return recordReader(fields, JSON.parse(text) as AvroSchema);
  } catch (cause) {
    throw cause instanceof AvroError ? cause : new AvroError('the schema cannot be read', { cause });
  }
};

const readHeader = async (reader: ByteReader, fields: readonly Field[]): Promise<Header> => {
  if (!(await reader.take(MAGIC.byteLength)).equals(MAGIC)) throw new AvroError('not an Avro file');
  const metadata = new Map<string, Buffer>();
  for (let count = await readLength(reader); count !== 0; count = await readLength(reader)) {
    if (count < 0) await readLength(reader);
    for (let index = 0; index < Math.abs(count); index += 1) {
      const key = (await takeBytes(reader, MAX_HEADER_BYTES)).toString();
      const value = await takeBytes(reader, MAX_HEADER_BYTES);
      if (key === 'avro.codec' || key === 'avro.schema') metadata.set(key, value);
    }
  }
  const codec = metadata.get('avro.codec')?.toString() ?? 'null';
  if (codec !== 'null' && codec !== 'deflate') throw new AvroError(`the codec ${codec}`);
  const readRow = rowReader(metadata.get('avro.schema')?.toString() ?? '""', fields);
  return { readRow, codec, marker: Buffer.from(await reader.take(MARKER_BYTES)) };
};

const inflated = async (block: Buffer): Promise<Buffer> => {
  try {
    return await inflate(block, { maxOutputLength: MAX_BLOCK_BYTES });
  } catch (cause) {
    throw new AvroError('a block is not complete, or too large', { cause });
  }
};

/** A block can have many rows, or large ones. */
const GROUP_ROWS = 250;
const GROUP_BYTES = 65_536;

/** The rows of a block. Each has at least one column, so at least one byte. @throws AvroError */
function* groupsOf(cursor: Cursor, rows: number, readRow: Header['readRow']): Generator<Row[]> {
  const size = cursor.bytes.byteLength;
  if (rows < 0 || rows > size) throw new AvroError(`a block of ${size} bytes has ${rows} rows`);
  for (let left = rows; left > 0; ) {
    const group: Row[] = [];
    const end = cursor.at + GROUP_BYTES;
    while (group.length < Math.min(left, GROUP_ROWS) && cursor.at < end) group.push(readRow(cursor));
    left -= group.length;
    yield group;
  }
  if (cursor.at !== size) throw new AvroError('a block has more bytes than rows');
}

/** Reads no more than the beginning of a file. @throws AvroSchemaError if its columns have a form that cannot be read */
export const checkColumns = async (bytes: AsyncIterable<Uint8Array>, fields: readonly Field[]): Promise<void> => {
  const reader = createByteReader(bytes);
  try {
    await readHeader(reader, fields);
  } catch (error) {
    // A damaged file is found when its rows are read.
    if (error instanceof AvroSchemaError || !(error instanceof AvroError || error instanceof EndOfBytes)) throw error;
  } finally {
    await reader.close();
  }
};

/** The rows of a file, some at a time. @throws AvroError */
export async function* rowsOfAvro(bytes: AsyncIterable<Uint8Array>, fields: readonly Field[]): AsyncGenerator<Row[]> {
  const reader = createByteReader(bytes);
  try {
    const { readRow, codec, marker } = await readHeader(reader, fields);
    while (!(await reader.isAtEnd())) {
      const count = await readLength(reader);
      const block = await takeBytes(reader);
      const cursor: Cursor = { bytes: codec === 'deflate' ? await inflated(block) : block, at: 0 };
      if (!(await reader.take(MARKER_BYTES)).equals(marker))
        throw new AvroError('a block does not end where it should');
      yield* groupsOf(cursor, count, readRow);
    }
  } catch (error) {
    throw error instanceof EndOfBytes ? new AvroError('the file is not complete', { cause: error }) : error;
  } finally {
    await reader.close();
  }
}
