import { runInNewContext } from 'node:vm';
import { expect, test } from '@jest/globals';
import { openInput } from '../../../src/client/send/input.ts';

/** Bytes that were made in another realm, as in a test that runs in jsdom: their class is another `Uint8Array`. */
const foreignBytes = (): Uint8Array => runInNewContext('new Uint8Array([97, 98])') as Uint8Array;

const textOf = async (parts: AsyncIterable<Uint8Array>): Promise<string> => {
  let text = '';
  for await (const part of parts) text += new TextDecoder().decode(Uint8Array.from(part));
  return text;
};

test('bytes of another realm are sent', async () => {
  const input = await openInput(foreignBytes());
  expect(input.kind).toBe('seekable');
  expect(input.kind === 'seekable' && (await textOf(input.read(0, input.size)))).toBe('ab');
});

test('a stream may consist of bytes of another realm', async () => {
  async function* parts(): AsyncIterable<Uint8Array> {
    yield foreignBytes();
  }
  const input = await openInput(parts());
  expect(input.kind === 'stream' && (await textOf(input.bytes))).toBe('ab');
});
