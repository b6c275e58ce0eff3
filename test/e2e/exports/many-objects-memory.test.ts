import { request } from 'node:http';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect, test } from '@jest/globals';
import type { Receipt } from '../../../src/domain.ts';
import type { ListedObject } from '../../../src/exports/prefix/list-objects.ts';
import { startEntry } from '../../support/http/http-forms.ts';

const OBJECTS = 100_000;
/** Lines after which the memory is measured. */
const EARLY = 10_000;
const LATE = 95_000;

async function* objects(): AsyncGenerator<ListedObject> {
  for (let index = 0; index < OBJECTS; index += 1) yield { name: `x/${index}.csv`, generation: '7', size: 1 };
}

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

/** Memory that is still referenced, in MiB. */
const heldMebibytes = (): number => {
  collectGarbage();
  const { heapUsed, external } = process.memoryUsage();
  return (heapUsed + external) / 1_048_576;
};

/** Sends an export document, and counts the lines of the response without keeping them. */
const countLines = (
  port: number,
  document: object,
  onLine: (count: number) => void,
): Promise<{ lines: number; last: string }> =>
  new Promise((resolve, reject) => {
    const headers = { authorization: 'Bearer good', 'content-type': 'application/json' };
    const sent = request({ port, host: '127.0.0.1', method: 'POST', path: '/v1/exports', headers }, (response) => {
      let [lines, tail, last] = [0, '', ''];
      response.setEncoding('utf8').on('data', (text: string) => {
        const parts = (tail + text).split('\n');
        tail = parts.pop() ?? '';
        last = parts.at(-1) ?? last;
        for (const _ of parts) onLine(++lines);
      });
      response.on('end', () => resolve({ lines, last })).on('error', reject);
    });
    sent.on('error', reject).end(JSON.stringify(document));
  });

test('a prefix of 100,000 objects holds no more memory at its end than at its beginning', async () => {
  const entry = await startEntry('HTTP/1.1', {
    services: {
      requestSeconds: 600,
      openPrefix: async () => ({ destinationPath: '', objects: objects() }),
      openObject: async ({ object }) => ({
        name: object,
        size: 1,
        mimeType: 'text/csv',
        async *open() {
          yield Buffer.from('x');
        },
      }),
      deliver: async ({ options }) => ({ name: options.name, path: options.path, outcome: 'created' }) as Receipt,
    },
  });
  try {
    const held: number[] = [];
    const { lines, last } = await countLines(entry.port, { source: { gcsPrefix: 'gs://bucket/x/' } }, (count) => {
      if (count === EARLY || count === LATE) held.push(heldMebibytes());
    });
    expect(lines).toBe(OBJECTS + 1);
    expect(JSON.parse(last)).toMatchObject({ summary: { delivered: OBJECTS, failed: 0, complete: true } });
    const [early = 0, late = 0] = held;
    console.info(`held: ${early.toFixed(1)} MiB after ${EARLY} files, ${late.toFixed(1)} MiB after ${LATE}`);
    expect(held).toHaveLength(2);
    expect(late - early).toBeLessThan(8);
  } finally {
    await entry.close();
  }
}, 120_000);
