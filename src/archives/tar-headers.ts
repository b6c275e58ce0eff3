import type { Extract } from 'tar-stream';
import { headerTooLarge } from './entry.ts';

/**
 * Bytes of an extended header, which has a long name, precise times and extended attributes. It is parsed in one turn of the
 * event loop. tar-stream itself accepts 4 MiB of up to 600,000 attributes.
 */
const MAX_EXTENDED_HEADER_BYTES = 65_536;
/** Attributes of a global header, which are copied for each entry. git writes one, the id of a commit. */
const MAX_GLOBAL_ATTRIBUTES = 100;

const HEADER_BYTES = 512;
const TYPE_AT = 156;
/** In the header of a sparse file, and in each part of its map: whether another part follows. */
const IS_EXTENDED_AT = 482;
const IS_EXTENDED_IN_MAP_AT = 504;

/** The state of tar-stream, which has no public options for what is needed here. */
interface ExtractState {
  _longHeader: boolean;
  _header: { size: number } | null;
  _paxGlobal: object | null;
  /** Bytes of the current entry that have not been passed on. */
  _missing: number;
  _buffer: { shift(size: number): Buffer | null };
}

/** Checks the extended headers that have arrived. The function it makes throws CourierError `too-large`. */
export const createHeaderCheck = (entries: Extract): (() => void) => {
  const state = entries as unknown as ExtractState;
  let checked: object | null = null;
  return () => {
    if (state._longHeader && (state._header?.size ?? 0) > MAX_EXTENDED_HEADER_BYTES) throw headerTooLarge();
    if (state._paxGlobal === checked) return;
    checked = state._paxGlobal;
    if (Object.keys(checked ?? {}).length > MAX_GLOBAL_ATTRIBUTES) throw headerTooLarge();
  };
};

/** An entry's stream, into which tar-stream pushes the bytes. */
interface Pushed {
  push(piece: Buffer | null): boolean;
}

/**
 * Makes the entry longer by the parts of a sparse file's map between its header and its bytes, which its size does not
 * count. Otherwise tar-stream would take them for its bytes, and its last bytes for the next header.
 */
const includeMaps = (state: ExtractState, stream: Pushed): void => {
  const push = stream.push.bind(stream);
  let flagAt = IS_EXTENDED_IN_MAP_AT;
  let pushed = 0;
  state._missing += HEADER_BYTES;
  stream.push = (piece) => {
    const end = pushed + (piece?.byteLength ?? 0);
    while (flagAt < end) {
      const isExtended = piece?.[flagAt - pushed] !== 0;
      flagAt = isExtended ? flagAt + HEADER_BYTES : Number.POSITIVE_INFINITY;
      if (isExtended) state._missing += HEADER_BYTES;
    }
    pushed = end;
    return push(piece);
  };
};

/**
 * Reads the types that tar-stream does not know, such as `S` for a sparse file of GNU tar
 * (https://www.gnu.org/software/tar/manual/html_node/Standard.html).
 * @returns the letter in the header of the entry that tar-stream has just found
 */
export const readTypes = (entries: Extract): ((header: object) => string) => {
  const state = entries as unknown as ExtractState;
  const types = new WeakMap<object, string>();
  let block: Buffer | null = null;
  const shift = state._buffer.shift.bind(state._buffer);
  state._buffer.shift = (size) => {
    block = shift(size);
    return block;
  };
  entries.on('entry', (header, stream) => {
    const type = String.fromCharCode(block?.[TYPE_AT] ?? 0);
    types.set(header, type);
    const isExtended = type === 'S' && block?.[IS_EXTENDED_AT] !== 0;
    if (isExtended && (header.size ?? 0) > 0) includeMaps(state, stream as unknown as Pushed);
  });
  return (header) => types.get(header) ?? '';
};
