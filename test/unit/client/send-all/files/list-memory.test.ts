import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect, test } from '@jest/globals';
import { listAll } from '../../../../../src/client/send-all/files/list.ts';

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

test('bytes that have been sent are not kept until the last file', async () => {
  const kept: WeakRef<Uint8Array>[] = [];
  const inputs = async function* () {
    for (let at = 0; at < 50; at += 1) {
      const input = new Uint8Array(1_000);
      kept.push(new WeakRef(input));
      yield { input, path: `${at}.bin` };
    }
  };
  let alive = 0;
  for await (const listed of listAll(inputs(), {})) {
    expect(listed).toHaveProperty('target');
    if (kept.length < 50) continue;
    // A weak reference is kept until the end of the task in which it was made.
    await new Promise((resolve) => setImmediate(resolve));
    collectGarbage();
    alive = kept.filter((each) => each.deref() !== undefined).length;
  }
  expect(alive).toBeGreaterThan(0);
  expect(alive).toBeLessThan(5);
});
