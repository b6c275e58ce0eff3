#!/usr/bin/env node
// Starts the service. With --check, reports what its configuration means. Runs the sources if they are present, else the build.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const WANTED = 24;
const root = dirname(dirname(fileURLToPath(import.meta.url)));
const own = join(root, 'node_modules', '.bin', 'node');
const isRecent = Number(process.versions.node.split('.')[0]) >= WANTED;

if (!isRecent && !existsSync(own)) {
  console.error(`courier-server: it needs Node ${WANTED} or newer, and this is ${process.version}.`);
  console.error(
    `  Install Node ${WANTED} (https://nodejs.org), or run "npm install" in ${root}, which brings one along.`,
  );
  process.exit(64);
}
const source = join(root, 'src', 'server.ts');
const server = existsSync(source) ? source : join(root, 'dist', 'server.js');
const child = spawn(isRecent ? process.execPath : own, [server].concat(process.argv.slice(2)), { stdio: 'inherit' });
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
  // A terminal sends Ctrl-C to both processes. A signal that only this process gets is meant for the child.
  process.on(signal, () => {
    if (signal !== 'SIGINT' || !process.stdin.isTTY) child.kill(signal);
  });
}
child.on('exit', (code, signal) => process.exit(signal ? 75 : code));
