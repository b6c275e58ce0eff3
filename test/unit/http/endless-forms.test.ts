import { expect, test } from '@jest/globals';
import { readParts } from '../../../src/http/request/multipart-body.ts';

/** Anything longer than a form needs must be rejected, and not collected in memory as it arrives. */

const MAX_BYTES = 1_048_576;

async function* endless(first: string, filler: string, given: { bytes: number }): AsyncGenerator<Uint8Array> {
  yield Buffer.from(first);
  while (given.bytes < MAX_BYTES) {
    given.bytes += filler.length;
    yield Buffer.from(filler);
  }
}

test.each([
  ['in one header line', '--x\r\nA: ', 'a'.repeat(1_024)],
  ['in many header lines', '--x\r\n', `A: ${'a'.repeat(60)}\r\n`.repeat(16)],
  ['without a line that could be a header', '--x\r\n', 'a'.repeat(1_024)],
])('an endless part header is rejected before much of it is read: %s', async (_, first, filler) => {
  const given = { bytes: 0 };
  const read = async (): Promise<void> => {
    for await (const _part of readParts(endless(first, filler, given), 'x')) throw new Error('a part was returned');
  };
  await expect(read()).rejects.toMatchObject({ code: 'request-invalid' });
  expect(given.bytes).toBeLessThan(16_384);
});

test('endless white space after the closing boundary is rejected too', async () => {
  const given = { bytes: 0 };
  const read = async (): Promise<void> => {
    for await (const { read: bytesOf } of readParts(
      endless('--x\r\n\r\nvalue\r\n--x--', ' '.repeat(1_024), given),
      'x',
    )) {
      for await (const _piece of bytesOf());
    }
  };
  await expect(read()).rejects.toMatchObject({ code: 'request-invalid' });
  expect(given.bytes).toBeLessThan(80_000);
});

test('bytes after a line end are passed on as they arrive, and not held until the next boundary', async () => {
  const given = { bytes: 0 };
  let read = 0;
  let maxHeld = 0;
  const work = async (): Promise<void> => {
    for await (const { read: bytesOf } of readParts(endless('--x\r\n\r\nvalue\r', 'a'.repeat(1_024), given), 'x')) {
      for await (const piece of bytesOf()) {
        read += piece.byteLength;
        maxHeld = Math.max(maxHeld, given.bytes - read);
      }
    }
  };
  await expect(work()).rejects.toMatchObject({ code: 'body-truncated' });
  expect(read).toBeGreaterThan(MAX_BYTES - 1_024);
  expect(maxHeld).toBeLessThan(4_096);
});

test.each([
  [8_192, 1],
  [8_193, 0],
])('headers of %i bytes in all: %i parts', async (bytes, count) => {
  const block = `A: ${'a'.repeat(4_000)}\r\nB: `;
  const headers = block + 'b'.repeat(bytes - '\r\n'.length - block.length);
  const form = `--x\r\n${headers}\r\n\r\nvalue\r\n--x--\r\n`;
  // At once, and with a pause before the end of the headers.
  for (const cut of [form.length, '--x'.length + bytes + 1]) {
    const pieces = async function* (): AsyncGenerator<Uint8Array> {
      yield Buffer.from(form.slice(0, cut));
      yield Buffer.from(form.slice(cut));
    };
    let parts = 0;
    const read = async (): Promise<void> => {
      for await (const { read: bytesOf } of readParts(pieces(), 'x')) {
        for await (const _piece of bytesOf());
        parts += 1;
      }
    };
    if (count === 0) await expect(read()).rejects.toMatchObject({ code: 'request-invalid' });
    else await read();
    expect(parts).toBe(count);
  }
});

/** The number of parts in a form that arrives as one chunk. */
const partsOf = async (form: string): Promise<number> => {
  let parts = 0;
  for await (const { read } of readParts(endless(form, '', { bytes: MAX_BYTES }), 'x')) {
    for await (const _piece of read()) parts += 1;
  }
  return parts;
};

test.each<[string, (bytes: number) => string]>([
  ['before', (bytes) => `${'p'.repeat(bytes - 4)}\r\n\r\n--x\r\n\r\nvalue\r\n--x--\r\n`],
  ['after', (bytes) => `--x\r\n\r\nvalue\r\n--x--\r\n${'e'.repeat(bytes - 2)}`],
])('a form may have 64 KiB %s it, and not a byte more, although they come at once', async (_, formOf) => {
  expect(await partsOf(formOf(65_536))).toBe(1);
  await expect(partsOf(formOf(65_537))).rejects.toMatchObject({ code: 'request-invalid' });
});

test.each([
  [256, 1],
  [257, 0],
])('a boundary line may contain %i blanks: %i parts', async (blanks, count) => {
  const form = `--x${' '.repeat(blanks)}\r\n\r\nvalue\r\n--x--\r\n`;
  if (count === 1) expect(await partsOf(form)).toBe(1);
  else await expect(partsOf(form)).rejects.toMatchObject({ code: 'request-invalid' });
});

test('header names are case-insensitive', async () => {
  const form = (headers: string): string => `--x\r\n${headers}\r\n\r\nvalue\r\n--x--\r\n`;
  const names: string[] = [];
  for await (const { headers, read } of readParts(endless(form('CONTENT-Type: a'), '', { bytes: MAX_BYTES }), 'x')) {
    names.push(...headers.keys());
    for await (const _piece of read());
  }
  expect(names).toEqual(['content-type']);
  await expect(partsOf(form('CONTENT-Type: a\r\ncontent-TYPE: b'))).rejects.toMatchObject({ code: 'request-invalid' });
});

test.each([
  [16, 1],
  [17, 0],
])('a part may have %i headers: %i parts', async (count, parts) => {
  const headers = Array.from({ length: count }, (_, at) => `x-${at}: a`).join('\r\n');
  const form = `--x\r\n${headers}\r\n\r\nvalue\r\n--x--\r\n`;
  if (parts === 1) expect(await partsOf(form)).toBe(1);
  else await expect(partsOf(form)).rejects.toMatchObject({ code: 'request-invalid' });
});

test.each(['--xy', '--x y', '--x\ty', '--x-'])(
  'a line that only starts like the boundary is an error: %j',
  async (line) => {
    const form = `--x\r\n\r\nvalue\r\n${line}\r\n\r\nvalue\r\n--x--\r\n`;
    await expect(partsOf(form)).rejects.toMatchObject({ code: 'request-invalid' });
  },
);

test.each([
  ['b', true],
  ["a b'()+,./:=?-_", true],
  ['', false],
  // RFC 2046 allows 70 characters; some clients send more.
  ['b'.repeat(200), true],
  ['b'.repeat(201), false],
  ['b ', false],
  ['b;', false],
  ['"b', false],
  ['b\r\nc', false],
  ['ü', false],
])('the boundary %j is accepted: %s', async (boundary, isAllowed) => {
  const form = Buffer.from(`--${boundary}\r\n\r\nvalue\r\n--${boundary}--\r\n`);
  const read = async (): Promise<number> => {
    let parts = 0;
    for await (const part of readParts(endless(form.toString(), '', { bytes: MAX_BYTES }), boundary)) {
      for await (const _piece of part.read()) parts += 1;
    }
    return parts;
  };
  if (isAllowed) expect(await read()).toBe(1);
  else await expect(read()).rejects.toMatchObject({ code: 'request-invalid' });
});

test('a part that its reader left before the end cannot be continued', async () => {
  const form = '--x\r\n\r\none\r\n--x\r\n\r\ntwo\r\n--x--\r\n';
  const read = async (): Promise<void> => {
    for await (const _part of readParts(endless(form, '', { bytes: MAX_BYTES }), 'x'));
  };
  await expect(read()).rejects.toThrow('left before its end');
});
