import { execFile } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { CourierProcess } from '../../../local/courier-process.ts';
import { type LocalGoogle, startLocalGoogle } from '../../../local/google/server.ts';
import { packClient } from './client-package.ts';
import { AUDIENCE, startCourierIn } from '../courier/courier-in-world.ts';

const execute = promisify(execFile);

/** A program that runs scripts: its path, and the arguments before the script. */
export type RuntimeCommand = readonly [path: string, ...args: string[]];

export interface Installed {
  /** The application's folder, with the packed client in node_modules. */
  app: string;
  google: LocalGoogle;
  courier: CourierProcess;
}

/** Larger than the limit of a single request, so that it uses an upload session. */
const LARGE_BYTES = 9 * 1024 * 1024;

const SEND = `
const client = new CourierClient({ url: process.env.COURIER_URL, audience: process.env.COURIER_AUDIENCE, chunkBytes: 4194304 });
const small = await client.send(new TextEncoder().encode('a,b\\n1,2\\n'), { name: 'small.csv' });
const large = await client.send('large.bin');
const failed = await client.send('missing.bin').catch((error) => error);
const many = [];
const manifest = 'many-' + process.pid + '.jsonl';
for (let turn = 0; turn < 2; turn++) {
  for await (const { name, change } of client.sendAll(['*.csv'], { path: 'many', exclude: ['*.bin'], manifest })) many.push([name, change]);
}
console.log(JSON.stringify({ small, large, failed, isError: failed instanceof CourierClientError, many }));
`;

/** The packed client, installed with npm into an application, beside a local Google and a courier. */
export const installClient = async (root: string): Promise<Installed & { close(): Promise<void> }> => {
  const folder = await mkdtemp(join(tmpdir(), 'courier-runtimes-'));
  const { tarball } = await packClient(root, folder);
  const app = join(folder, 'app');
  await mkdir(app);
  await writeFile(join(app, 'package.json'), '{ "type": "module" }');
  await execute('npm', ['install', '--offline', '--no-audit', '--no-fund', tarball], { cwd: app });
  await writeFile(join(app, 'table.csv'), 'a,b\n1,2\n');
  await writeFile(join(app, 'large.bin'), randomBytes(LARGE_BYTES));
  await writeFile(
    join(app, 'send.mjs'),
    `import { CourierClient, CourierClientError } from 'drive-courier/client';${SEND}`,
  );
  await writeFile(
    join(app, 'send.cjs'),
    `const { CourierClient, CourierClientError } = require('drive-courier/client');\n(async () => {${SEND}})();`,
  );
  const google = await startLocalGoogle();
  const { emails, secret } = google.world;
  const courier = await startCourierIn(google, {
    config: {
      destinations: {
        default: { folder: google.places.sharedDrive, credentials: 'main', callers: [emails.exporter] },
      },
      credentials: { main: { secret: `${secret}/versions/latest` } },
    },
  });
  const close = async (): Promise<void> => {
    await courier.stop();
    await google.close();
  };
  return { app, google, courier, close };
};

/** Runs a script of the application. */
export const runIn = async (
  { app, google, courier }: Installed,
  [path, ...args]: RuntimeCommand,
  ...script: string[]
) => {
  const env = {
    PATH: process.env.PATH,
    HOME: app,
    COURIER_URL: courier.url,
    COURIER_AUDIENCE: AUDIENCE,
    COURIER_GOOGLE_ORIGIN: google.origin,
    GOOGLE_APPLICATION_CREDENTIALS: google.world.keyFiles.exporter,
    NO_GCE_CHECK: 'true',
  };
  const run = execute(path, [...args, ...script], { cwd: app, env }).then((output) => ({ ...output, code: 0 }));
  return run.catch(({ code, stdout, stderr }: { code: number; stdout: string; stderr: string }) => ({
    code,
    stdout,
    stderr,
  }));
};

export const COMMAND = 'node_modules/drive-courier/courier.cjs';

const sha256 = createHash('sha256').update('a,b\n1,2\n').digest('hex');

/** The results of the client on a runtime, to compare with `EXPECTED`. */
export const tryRuntime = async (installed: Installed, command: RuntimeCommand) => {
  const run = (...script: string[]) => runIn(installed, command, ...script);
  const help = await run(COMMAND, '--help');
  const sent = await run(COMMAND, 'send', 'table.csv', '--json');
  const missing = await run(COMMAND, 'send', 'missing.csv');
  const libraries = [await run('send.mjs'), await run('send.cjs')];
  return {
    help: [help.code, help.stdout.split('\n')[0], help.stderr],
    sent: [sent.code, sent.stderr, JSON.parse(sent.stdout)],
    missing: [missing.code, missing.stderr.split('\n')[0]],
    libraries: libraries.map(({ code, stdout, stderr }) => [code, stderr, JSON.parse(stdout || '{}')]),
  };
};

const FILE_ERROR = { error: { code: 'file-unreadable', detail: 'missing.bin: No such file or directory' } };
const LIBRARY = {
  small: { outcome: 'created', sha256, size: 8 },
  large: { outcome: 'created', size: LARGE_BYTES },
  failed: FILE_ERROR,
  isError: true,
  many: [
    ['table.csv', 'new'],
    ['table.csv', 'unchanged'],
  ],
};
export const EXPECTED = {
  help: [0, 'Usage: courier [options] [command]', ''],
  sent: [0, '', { outcome: 'created', mimeType: 'text/csv', sha256 }],
  missing: [1, 'courier: file-unreadable: The file cannot be read: missing.csv: No such file or directory'],
  libraries: [
    [0, '', LIBRARY],
    [0, '', LIBRARY],
  ],
};
