// Counts the files that a program loads as modules, with `node --import`; says how many whenever it gets SIGUSR2.
import { registerHooks } from 'node:module';

let files = 0;
registerHooks({
  load(url, context, next) {
    if (url.startsWith('file:')) files += 1;
    return next(url, context);
  },
});
process.on('SIGUSR2', () => console.log(JSON.stringify({ files })));
