import { openSocket, type RawSocket } from './raw-socket.ts';

/** RFC 9113, 6. */
export const FRAME = {
  data: 0,
  headers: 1,
  resetStream: 3,
  settings: 4,
  ping: 6,
  goAway: 7,
  windowUpdate: 8,
  continuation: 9,
} as const;

export const END_STREAM = 1;
export const END_HEADERS = 4;
const ACK = 1;

/** One frame as sent (RFC 9113, 4.1). */
export const frame = (type: number, flags: number, stream: number, payload: string | Uint8Array = ''): Buffer => {
  const bytes = Buffer.from(payload);
  const head = Buffer.alloc(9);
  head.writeUIntBE(bytes.byteLength, 0, 3);
  head.writeUInt8(type, 3);
  head.writeUInt8(flags, 4);
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, bytes]);
};

export const uint32 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
};

/** One entry of SETTINGS. */
export const setting = (id: number, value: number): Buffer => Buffer.concat([Buffer.from([0, id]), uint32(value)]);

/** An HPACK integer with a prefix of seven bits (RFC 7541, 5.1). */
const length7 = (value: number): Buffer => {
  if (value < 127) return Buffer.from([value]);
  const bytes = [127];
  let rest = value - 127;
  for (; rest >= 128; rest >>= 7) bytes.push((rest % 128) + 128);
  return Buffer.from([...bytes, rest]);
};

/** Header fields, each a literal that is not indexed (RFC 7541, 6.2.2). */
export const headerBlock = (fields: readonly (readonly [string, string])[]): Buffer =>
  Buffer.concat(
    fields.flatMap(([name, value]) => [
      Buffer.from([0]),
      length7(Buffer.byteLength(name)),
      Buffer.from(name),
      length7(Buffer.byteLength(value)),
      Buffer.from(value),
    ]),
  );

export const requestFields = (method: string, path: string, more: Record<string, string> = {}) =>
  [[':method', method], [':path', path], [':scheme', 'http'], [':authority', 'courier'], ...Object.entries(more)] as [
    string,
    string,
  ][];

interface ReceivedFrame {
  type: number;
  flags: number;
  stream: number;
  payload: Buffer;
}

const framesIn = (bytes: Buffer): ReceivedFrame[] => {
  const frames: ReceivedFrame[] = [];
  for (let at = 0; at + 9 <= bytes.byteLength; ) {
    const end = at + 9 + bytes.readUIntBE(at, 3);
    if (end > bytes.byteLength) break;
    frames.push({
      type: bytes.readUInt8(at + 3),
      flags: bytes.readUInt8(at + 4),
      stream: bytes.readUInt32BE(at + 5),
      payload: bytes.subarray(at + 9, end),
    });
    at = end;
  }
  return frames;
};

export interface Http2Wire extends RawSocket {
  frames(): ReceivedFrame[];
}

/**
 * A connection on which the preface and the settings have been exchanged. The test sends every further frame itself.
 */
export const openHttp2 = async (port: number, settings: Uint8Array = Buffer.alloc(0)): Promise<Http2Wire> => {
  const wire = await openSocket(port);
  await wire.write('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');
  await wire.write(frame(FRAME.settings, 0, 0, settings));
  const frames = (): ReceivedFrame[] => framesIn(wire.received());
  await wire.until(/^.{9}/s);
  await wire.write(frame(FRAME.settings, ACK, 0));
  return { ...wire, frames };
};
