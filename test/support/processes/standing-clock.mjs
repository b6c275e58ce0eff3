// Loaded ahead of a process (--import): its clock stands at CLOCK_STANDS_MS, for tokens whose times are compared by the
// second.
const { CLOCK_STANDS_MS } = process.env;
const RealDate = Date;
const standsMs = Number(CLOCK_STANDS_MS);

globalThis.Date = class extends RealDate {
  constructor(...args) {
    if (args.length === 0) super(standsMs);
    else super(...args);
  }

  static now() {
    return standsMs;
  }
};
