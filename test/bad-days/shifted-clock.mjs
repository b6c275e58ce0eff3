// Loaded ahead of the courier (--import): the clock jumps by CLOCK_JUMP_MS at SIGUSR2, for all that runs in the process, and back at the next.
// Timers continue unchanged, as they do when a machine's clock is set.
const { CLOCK_JUMP_MS } = process.env;
const RealDate = Date;
let shiftMs = 0;

process.on('SIGUSR2', () => {
  shiftMs = shiftMs === 0 ? Number(CLOCK_JUMP_MS) : 0;
  console.log(`clock ${shiftMs}`);
});

globalThis.Date = class extends RealDate {
  constructor(...args) {
    if (args.length === 0) super(RealDate.now() + shiftMs);
    else super(...args);
  }

  static now() {
    return RealDate.now() + shiftMs;
  }
};
