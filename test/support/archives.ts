import { crc32, deflateRawSync, gzipSync } from 'node:zlib';
import { pack } from 'tar-stream';

/** An entry of a zip file, as a program would write it, or with some of its fields changed. */
export interface ZipEntry {
  name: string | Buffer;
  bytes: Uint8Array | string;
  /** 8 (deflated) by default. */
  method?: number;
  /** General purpose bit flags: 1 is "encrypted", 0x800 "the name is UTF-8". */
  flags?: number;
  /** A Unix mode, with the type of the file. */
  mode?: number;
  /** The time that every entry has, as the headers have it: the MS-DOS time and date. Zeros by default. */
  dosTime?: readonly [time: number, date: number];
  /** Extra fields. */
  extra?: Buffer;
  /** The name in the header in front of the bytes, if it differs from that in the directory. It must have as many bytes. */
  localName?: string;
  /** What the headers claim instead of the truth. */
  claims?: { size?: number; crc32?: number };
}

const UNIX = 3;

const fields = (...parts: readonly [value: number, bytes: 2 | 4][]): Buffer => {
  const buffer = Buffer.alloc(parts.reduce((sum, [, bytes]) => sum + bytes, 0));
  let at = 0;
  for (const [value, bytes] of parts) at = buffer.writeUIntLE(value, at, bytes);
  return buffer;
};

/** A zip file in the format of APPNOTE.TXT, without ZIP64. */
export const zipOf = (entries: readonly ZipEntry[]): Buffer => {
  const locals: Buffer[] = [];
  const directory: Buffer[] = [];
  let offset = 0;
  for (const { name, bytes, method = 8, flags = 0, mode = 0o100644, claims = {}, ...more } of entries) {
    const { dosTime = [0, 0], extra = Buffer.alloc(0), localName = name } = more;
    const rawName = Buffer.from(name as string);
    const raw = Buffer.from(bytes as string);
    const packed = method === 8 ? deflateRawSync(raw) : raw;
    const shared: [number, 2 | 4][] = [
      [20, 2],
      [flags, 2],
      [method, 2],
      [dosTime[0], 2],
      [dosTime[1], 2],
      [claims.crc32 ?? crc32(raw), 4],
      [packed.byteLength, 4],
      [claims.size ?? raw.byteLength, 4],
      [rawName.byteLength, 2],
      [extra.byteLength, 2],
    ];
    const local = Buffer.concat([fields([0x04034b50, 4], ...shared), Buffer.from(localName as string), extra, packed]);
    directory.push(
      fields([0x02014b50, 4], [(UNIX << 8) | 20, 2], ...shared, [0, 2], [0, 2], [0, 2]),
      fields([(mode << 16) >>> 0, 4], [offset, 4]),
      rawName,
      extra,
    );
    locals.push(local);
    offset += local.byteLength;
  }
  const central = Buffer.concat(directory);
  const count = entries.length;
  return Buffer.concat([
    ...locals,
    central,
    fields([0x06054b50, 4], [0, 2], [0, 2], [count, 2], [count, 2], [central.byteLength, 4], [offset, 4], [0, 2]),
  ]);
};

type TarHeader = Parameters<ReturnType<typeof pack>['entry']>[0];

/** A tar file. Entries without bytes are folders, links or devices. */
export const tarOf = async (entries: readonly (TarHeader & { bytes?: Uint8Array | string })[]): Promise<Buffer> => {
  const archive = pack();
  const pieces: Buffer[] = [];
  const done = (async () => {
    for await (const piece of archive) pieces.push(Buffer.from(piece as Uint8Array));
  })();
  for (const { bytes, ...header } of entries) {
    if (bytes === undefined) archive.entry(header, Buffer.alloc(0));
    else archive.entry(header, Buffer.from(bytes as string));
  }
  archive.finalize();
  await done;
  return Buffer.concat(pieces);
};

export const tarGzOf = async (...entries: Parameters<typeof tarOf>): Promise<Buffer> =>
  gzipSync(await tarOf(...entries));

type Line = Record<string, unknown> & { summary?: Record<string, unknown> };

/** The lines of a response for many files. */
export const linesOf = ({ text }: { text: string }): Line[] =>
  text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Line);

export const summaryOf = (answer: { text: string }): Line['summary'] => linesOf(answer).at(-1)?.summary;

/** The line of an entry of an archive. */
export const lineOf = (answer: { text: string }, entry: string): Line | undefined =>
  linesOf(answer).find((line) => line.entry === entry);

/** A tar file, gzipped, with an extended header of this type: `x` for the next entry, `g` for all, `L` for a long name. */
export const tarGzWithHeader = async (type: 'x' | 'g' | 'L', header: string): Promise<Buffer> => {
  const [named, entry] = await Promise.all([
    tarOf([{ name: 'header', bytes: header }]),
    tarOf([{ name: 'a.txt', bytes: 'x'.repeat(40_000) }]),
  ]);
  named.write(type, 156);
  named.fill(' ', 148, 156);
  const sum = named.subarray(0, 512).reduce((total, byte) => total + byte, 0);
  named.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
  // Without the two empty blocks at its end.
  return gzipSync(Buffer.concat([named.subarray(0, -1_024), entry]));
};
