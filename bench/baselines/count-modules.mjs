// Counts the files that a program loads as modules, or as scripts as dist's load.js does, with `node --import`; prints the
// number when it gets SIGUSR2.
import { registerHooks } from 'node:module';
import vm from 'node:vm';

let files = 0;
registerHooks({
  load(url, context, next) {
    if (url.startsWith('file:')) files += 1;
    return next(url, context);
  },
});
vm.Script = class extends vm.Script {
  constructor(...given) {
    super(...given);
    files += 1;
  }
};
process.on('SIGUSR2', () => console.log(JSON.stringify({ files })));
