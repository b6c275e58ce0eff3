// Loaded ahead of the courier (--import) in a run that must be found out: it loses memory, buffers, timers and descriptors.
import { openSync } from 'node:fs';

const kept = [];
setInterval(() => {
  kept.push({ text: Array.from({ length: 20_000 }, Math.random), bytes: Buffer.alloc(500_000, 1) });
  kept.push(setTimeout(() => undefined, 2 ** 30).unref());
  openSync('/dev/null', 'r');
}, 100).unref();
