import { hash } from 'node:crypto';
import type { PushWorld } from '../../support/courier/push-world.ts';

/** The messages that a run with pushes publishes. */

export interface Export {
  name: string;
  sha256: string;
  document: object;
}

export interface Message {
  id: string;
  data: object;
  /** Published once this one is acknowledged: the same key with other bytes, which is rejected permanently. */
  contradiction?: Message;
}

const LARGE_BYTES = 6 * 1_048_576;

const noise = (bytes: number, random: () => number): Buffer => {
  const noisy = Buffer.alloc(bytes);
  for (let at = 0; at + 4 <= bytes; at += 4) noisy.writeUInt32LE(Math.floor(random() * 2 ** 32), at);
  return noisy;
};

/** The five kinds of exports in turn. Every tenth is an object large enough for an upload session. */
export const makeExport = async (world: PushWorld, index: number, random: () => number): Promise<Export> => {
  const name = `event-${index}`;
  const key = { name, idempotencyKey: name };
  if (index % 10 === 7 || index % 5 === 4) {
    const bytes = noise(index % 10 === 7 ? LARGE_BYTES : 2_000, random);
    const { url, sha256 } = await world.putObject(`exports/${name}`, bytes);
    // It has no separate key: the object and its generation are the key.
    return { name, sha256, document: { name, source: { gcs: url } } };
  }
  const text = `export ${index}`;
  switch (index % 5) {
    case 0:
      return { name, sha256: hash('sha256', text), document: { ...key, source: { text } } };
    case 1:
      return {
        name,
        sha256: hash('sha256', text),
        document: { ...key, source: { base64: Buffer.from(text).toString('base64') } },
      };
    case 2:
      return {
        name,
        sha256: hash('sha256', `{\n  "index": ${index}\n}\n`),
        document: { ...key, source: { json: { index } } },
      };
    default:
      return {
        name,
        sha256: hash('sha256', `index\r\n${index}\r\n`),
        document: { ...key, source: { rows: [{ index }] } },
      };
  }
};

/** Every tenth export is contradicted later. */
const contradictionOf = (index: number, { name, document }: Export): Pick<Message, 'contradiction'> => {
  if (index % 10 !== 0) return {};
  const data = { ...document, source: { text: `not export ${index}` } };
  return { contradiction: { id: `${name}-contradicted`, data } };
};

/**
 * Every message, and a second one for the duplicates: either the same message again, or the same export under another
 * id.
 */
export const publish = (exports: readonly Export[], duplicates: number, random: () => number): Message[] => {
  const messages = exports.map(
    (one, index): Message => ({
      ...{ id: one.name, data: one.document },
      ...contradictionOf(index, one),
    }),
  );
  const twice = messages.filter(() => random() < duplicates);
  const again = twice.map(({ id, data }, index): Message => ({ id: index % 2 === 0 ? id : `${id}-again`, data }));
  // Shuffled a little, so that a duplicate may come before, during or after the original.
  return [...messages, ...again]
    .map((message, index) => ({ message, at: (index % messages.length) + random() * 20 }))
    .sort((a, b) => a.at - b.at)
    .map(({ message }) => message);
};
