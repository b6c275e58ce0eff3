// Starts the service once, alone and without Google, so that Node's compile cache holds what a start needs. Run where it will run.
import { spawn } from 'node:child_process';
import { chmodSync, existsSync, readdirSync, rmSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';

const here = import.meta.dirname;
const cache = join(here, '.compile-cache');
const MOST_MS = 60_000;
/** Node names the folder after the user too; these are who containers and buildpacks run as. */
const USERS = [0, 33, 1000, 1001, 1002, 65_532, 65_534];
/** A port that answers nobody: all that the start fetches ahead fails at once. */
const NOWHERE = 'http://127.0.0.1:1';

/** Loads what a first delivery loads on demand, too, then asks the service to end, which writes the cache. */
const LOADER = `
const { readdirSync } = await import('node:fs');
await import(${JSON.stringify(join(here, 'server.js'))});
const lib = ${JSON.stringify(join(here, 'lib'))};
for (const file of readdirSync(lib)) {
  if (file.endsWith('.js') && !['service.js', 'function.js'].includes(file)) await import(lib + '/' + file);
}
process.on('message', async (port) => {
  const address = 'http://127.0.0.1:' + port;
  await fetch(address + '/v1/health').catch(() => undefined);
  await fetch(address + '/v1/files?name=warm.txt', { method: 'POST', body: 'warm', headers: { authorization: 'Bearer e30.e30.AA' } }).catch(() => undefined);
  process.disconnect();
  process.kill(process.pid, 'SIGTERM');
});`;

rmSync(cache, { recursive: true, force: true });
const child = spawn(process.execPath, ['--input-type=module', '-e', LOADER], {
  stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
  timeout: MOST_MS,
  env: {
    PATH: process.env.PATH,
    PORT: '0',
    COURIER_AUDIENCES: 'https://warm.invalid',
    COURIER_CALLERS: 'nobody@warm.invalid',
    COURIER_FOLDER: 'warm',
    COURIER_SECRET: 'projects/warm/secrets/warm',
    COURIER_GOOGLE_ORIGIN: NOWHERE,
    GCE_METADATA_HOST: '127.0.0.1:1',
  },
});

let said = '';
let told = false;
child.stdout.on('data', (part) => {
  said += part;
  const [, port] = /listening on port (\d+)/.exec(said) ?? [];
  if (port !== undefined && !told) {
    told = true;
    child.send(Number(port));
  }
});
child.on('close', (code) => {
  if (code !== 0 || !existsSync(cache)) {
    console.error(`the service did not start: ${said.slice(-500)}`);
    process.exitCode = 1;
    return;
  }
  for (const folder of readdirSync(cache)) {
    const [, build, user] = /^(.+)-(\d+)$/.exec(folder) ?? [];
    // Node writes for its own user alone.
    for (const file of readdirSync(join(cache, folder))) chmodSync(join(cache, folder, file), 0o644);
    for (const other of build === undefined ? [] : USERS) {
      if (String(other) !== user) symlinkSync(folder, join(cache, `${build}-${other}`));
    }
  }
});
