import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/**
 * `npm run start:function`: runs the built courier in functions-framework. For the other function, add `--
 * --target=courierEvent`.
 */

const given = process.argv.slice(2);
const target = given.some((argument) => argument.startsWith('--target')) ? [] : ['--target=courier'];
const source = fileURLToPath(new URL('../dist', import.meta.url));
const framework = join(source, 'functions-framework/build/src/main.js');
if (!existsSync(framework)) {
  console.error('dist/ is not there: npm run build');
  process.exit(69);
}
const signature = given.some((argument) => argument.includes('courierEvent')) ? ['--signature-type=cloudevent'] : [];
const child = spawn(process.execPath, [framework, `--source=${source}`, ...target, ...signature, ...given], {
  stdio: 'inherit',
});
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => child.kill(signal));
child.on('exit', (code, signal) => process.exit(code ?? (signal === null ? 1 : 0)));
