#!/usr/bin/env node
// Starts the client under a Node that can run it. This file itself runs on any Node that supports ES modules.
import { spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import module from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const WANTED = 24;
const here = fileURLToPath(import.meta.url);
const root = dirname(dirname(here));
const major = Number(process.versions.node.split('.')[0]);

/** Node does not strip types from files below node_modules. This hook does so for the files of this package. */
function stripOwnTypes() {
  const own = pathToFileURL(join(root, 'src')).href;
  module.registerHooks({
    load(url, context, nextLoad) {
      if (!url.startsWith(own) || !url.endsWith('.ts')) return nextLoad(url, context);
      const source = module.stripTypeScriptTypes(readFileSync(fileURLToPath(url), 'utf8'));
      return { format: 'module', source, shortCircuit: true };
    },
  });
}

function start() {
  const built = join(root, 'dist', 'client', 'courier.cjs');
  const source = join(root, 'src', 'client', 'main.ts');
  const isInstalled = /[\\/]node_modules[\\/]/.test(here);
  if (existsSync(built) && (isInstalled || !existsSync(source))) return import(pathToFileURL(built).href);
  if (isInstalled) stripOwnTypes();
  return import(pathToFileURL(source).href);
}

/** Runs the client with the dev dependency `node`, which `npm install` adds to the clone. */
function startWith(node) {
  const child = spawn(node, [here].concat(process.argv.slice(2)), { stdio: 'inherit' });
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
    // A terminal sends Ctrl-C to both processes. A signal that only this process gets is meant for the child.
    process.on(signal, () => {
      if (signal !== 'SIGINT' || !process.stdin.isTTY) child.kill(signal);
    });
  }
  child.on('exit', (code, signal) => {
    if (signal) process.exit(signal === 'SIGINT' ? 130 : 75);
    process.exit(code);
  });
}

if (major >= WANTED) {
  // Commands are short, so most of their time is spent compiling.
  module.enableCompileCache?.();
  await start();
} else {
  const node = join(root, 'node_modules', '.bin', 'node');
  if (existsSync(node) && process.env.COURIER_NODE !== 'tried') {
    process.env.COURIER_NODE = 'tried';
    startWith(node);
  } else {
    console.error(
      `courier: usage: Running from source requires Node ${WANTED} or newer, and this is ${process.version}.`,
    );
    console.error(
      `  Run "npm install" in ${root}, which includes Node ${WANTED}, or install the built package, which runs on Node 20.`,
    );
    process.exit(64);
  }
}
