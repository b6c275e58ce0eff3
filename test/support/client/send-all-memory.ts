/** Prints how many bytes of V8's heap each delivered file keeps until V8's next full collection. Needs --expose-gc. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { getHeapSpaceStatistics } from 'node:v8';
import { CourierClient } from '../../../src/client/index.ts';

const { gc: collectGarbage } = globalThis;
if (collectGarbage === undefined) throw new Error('Run this with --expose-gc.');

const FILES = 1_000;
/** Until then, V8 creates objects that stay, such as compiled code. */
const WARM_UP_FILES = 500;
/** Often enough that each minor collection finds files in progress. */
const COLLECT_EVERY = 10;

const RECEIPT = JSON.stringify({
  ...{ id: 'id', name: 'name', mimeType: 'text/csv', size: 5, sha256: null, md5: null, destination: 'default' },
  ...{ path: '', folderId: 'folder', webViewLink: 'https://drive.example/id', outcome: 'created', caller: 'caller' },
  ...{ createdTime: '', modifiedTime: '', idempotencyKey: null },
});

const server = createServer((request, response) => {
  request.resume().on('end', () => response.end(RECEIPT));
});
await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));

const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
const client = new CourierClient({ url, identity: { idToken: async () => 'token' } });

const oldBytes = (): number =>
  getHeapSpaceStatistics().find(({ space_name: name }) => name === 'old_space')?.space_used_size ?? 0;

const inputs = Array.from({ length: FILES }, (_, at) => ({ input: Buffer.from('bytes'), path: `${at}.csv` }));
let delivered = 0;
let before = 0;
for await (const _ of client.sendAll(inputs)) {
  delivered += 1;
  if (delivered % COLLECT_EVERY === 0) collectGarbage({ type: 'minor' });
  if (delivered === WARM_UP_FILES) {
    collectGarbage();
    before = oldBytes();
  }
}
console.log(JSON.stringify({ delivered, keptOfEach: Math.round((oldBytes() - before) / (FILES - WARM_UP_FILES)) }));
process.exit();
