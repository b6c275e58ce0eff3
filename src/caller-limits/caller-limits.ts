import type { PerCallerConfig } from '../config/schema/per-caller.ts';
import { beginAudit, factsOf } from '../delivery/audit.ts';
import type { Allow, Destination } from '../delivery/resolve-options.ts';
import type { Caller, Delivery, Receipt } from '../domain.ts';
import { asCourierError } from '../errors.ts';
import { createDayCounters } from '../ledger/day-counters.ts';
import type { Ledger } from '../ledger/ledger.ts';
import type { Log } from '../log.ts';
import type { Clocks } from '../steady-clock.ts';
import type { Telemetry } from '../telemetry.ts';
import { countedSource } from './counted-source.ts';
import { createMeter, type LimitState, type Meter } from './meter.ts';
import { rateLimitFields } from './rate-limit-fields.ts';

/** Limits what each caller may deliver (`perCaller`). One caller's counts never appear in another's answers. */
export interface CallerLimits {
  /**
   * Runs a request. It counts as one of the caller's concurrent ones.
   * @param caller an object of this request alone; `deliver`, `openUpload` and `fields` recognize the request by it
   * @param isFile true if the request contains a file, so that a caller without room for one is refused before its body is read
   * @param lasting what continues after `work`: a response that is still being written
   * @throws CourierError `caller-over-quota`
   */
  hold<Result>(
    caller: Caller,
    isFile: boolean,
    work: () => Promise<Result>,
    lasting?: () => Promise<void> | undefined,
  ): Promise<Result>;
  /** Delivers a file within the limits. @throws CourierError `caller-over-quota`, `too-large` */
  deliver(delivery: Delivery, run: (delivery: Delivery) => Promise<Receipt>): Promise<Receipt>;
  /**
   * Opens an upload session within the limits. Its announced bytes count from now on, unless the session was open before.
   * @throws CourierError `caller-over-quota`, `too-large`
   */
  openUpload<Opened extends { isNew: boolean }>(
    request: { caller: Caller; options: { destination?: string | undefined; size: number } },
    open: () => Promise<Opened>,
  ): Promise<Opened>;
  /** The RateLimit header fields for the response to a request. */
  fields(caller: Caller): Record<string, string>;
  close(): Promise<void>;
}

interface CallerLimitsOptions extends Clocks {
  /** Undefined: only destinations have limits. */
  perCaller: PerCallerConfig | undefined;
  allow: Allow;
  ledger: Ledger;
  log: Log;
  telemetry?: Telemetry | undefined;
}

const hasLeft = ({ signal }: Delivery): boolean =>
  signal.aborted && asCourierError(signal.reason).code === 'body-truncated';

/** A file that counts for the caller. */
interface CountedFile {
  /** Counts bytes, where the size was not known before. */
  count(bytes: number): void;
  /** Takes back all bytes that were counted. */
  undo(): void;
}

/** Delivers a file, and counts its bytes. They don't count if the delivery has stored nothing. */
const deliverCounted = async (
  delivery: Delivery,
  file: CountedFile,
  run: (delivery: Delivery) => Promise<Receipt>,
): Promise<Receipt> => {
  const { source } = delivery;
  let [isStored, isReadWhole] = [false, false];
  const stored = (): void => {
    isStored = true;
  };
  const end = (): void => {
    isReadWhole = true;
  };
  const count = source.size === undefined ? file.count : undefined;
  try {
    const receipt = await run({ ...delivery, stored, source: countedSource(source, { count, end }) });
    if (!isStored && (receipt.outcome === 'replayed' || receipt.outcome === 'skipped')) file.undo();
    return receipt;
  } catch (error) {
    // Of a caller that has sent its whole file and left, Drive may have stored it.
    if (!isStored && !(isReadWhole && hasLeft(delivery))) file.undo();
    throw error;
  }
};

/** Once there are more meters than this, idle ones are removed. */
const MAX_IDLE_METERS = 10_000;

export const createCallerLimits = ({
  perCaller,
  allow,
  ledger,
  now,
  wall,
  log,
  telemetry,
}: CallerLimitsOptions): CallerLimits => {
  const counters = createDayCounters({ ledger, kind: 'caller', now, wall, log });
  const meters = new Map<string, Meter>();
  const metersOfRequest = new WeakMap<Caller, Meter[]>();

  const meterOf = ({ sub }: Caller, limits: PerCallerConfig, destination?: string): Meter => {
    const subject = JSON.stringify(destination === undefined ? [sub] : [sub, destination]);
    const known = meters.get(subject);
    if (known !== undefined) return known;
    if (meters.size >= MAX_IDLE_METERS) {
      for (const [name, each] of meters) if (each.isIdle()) meters.delete(name);
    }
    const meter = createMeter({ limits, destination, subject, counters, now });
    meters.set(subject, meter);
    return meter;
  };

  const generalMeters = (caller: Caller): Meter[] => (perCaller === undefined ? [] : [meterOf(caller, perCaller)]);

  /** Undefined for a destination that the caller may not write to: the delivery itself reports that. */
  const destinationOf = (find: () => Destination): Destination | undefined => {
    try {
      return find();
    } catch {
      return undefined;
    }
  };

  const destinationMeters = (caller: Caller, { name, config }: Destination): Meter[] => {
    const found = config.perCaller === undefined ? [] : [meterOf(caller, config.perCaller, name)];
    metersOfRequest.get(caller)?.push(...found);
    return found;
  };

  /** Counts a file, and its bytes if their number is known. @throws CourierError `caller-over-quota`, `too-large` */
  const beginFile = (all: readonly Meter[], size: number | undefined): CountedFile => {
    for (const meter of all) meter.checkFile(size);
    for (const meter of all) meter.countFile();
    const day = counters.today();
    let counted = 0;
    const count = (bytes: number): void => {
      if (bytes > 0) for (const meter of all) meter.checkBytes(bytes);
      for (const meter of all) meter.countBytes(bytes, day);
      counted += bytes;
    };
    count(size ?? 0);
    return { count, undo: (): void => count(-counted) };
  };

  /** Refuses a delivery. Its refusal is audited, unless the delivery is tried again. */
  const refuse = async (delivery: Delivery, error: unknown): Promise<Receipt> => {
    if (delivery.isTriedAgain?.(error) === true) throw error;
    const child = log.child({ requestId: delivery.requestId });
    const audit = beginAudit(factsOf(delivery), { now, log: child, telemetry });
    return audit.run(() => Promise.reject(error));
  };

  return {
    async hold(caller, isFile, work, lasting) {
      const all = generalMeters(caller);
      // A copy, because `deliver` adds the meter of the destination.
      metersOfRequest.set(caller, [...all]);
      for (const meter of all) meter.checkConcurrent();
      if (isFile) for (const meter of all) meter.checkFile(undefined);
      for (const meter of all) meter.begin();
      const end = (): void => {
        for (const meter of all) meter.end();
      };
      try {
        return await work();
      } finally {
        const rest = lasting?.();
        if (rest === undefined) end();
        else void rest.then(end, end);
      }
    },
    async deliver(delivery, run) {
      const { caller, options, allowedDestinations, source } = delivery;
      const destination = destinationOf(() => allow(caller, options.destination, allowedDestinations));
      if (destination === undefined) return run(delivery);
      const own = destinationMeters(caller, destination);
      let file: CountedFile;
      try {
        for (const meter of own) meter.checkConcurrent();
        file = beginFile([...generalMeters(caller), ...own], source.size);
      } catch (error) {
        return refuse(delivery, error);
      }
      for (const meter of own) meter.begin();
      try {
        return await deliverCounted(delivery, file, run);
      } finally {
        for (const meter of own) meter.end();
      }
    },
    async openUpload({ caller, options }, open) {
      const destination = destinationOf(() => allow(caller, options.destination));
      if (destination === undefined) return open();
      const file = beginFile([...generalMeters(caller), ...destinationMeters(caller, destination)], options.size);
      try {
        const opened = await open();
        if (!opened.isNew) file.undo();
        return opened;
      } catch (error) {
        file.undo();
        throw error;
      }
    },
    fields(caller) {
      const states: LimitState[] = (metersOfRequest.get(caller) ?? []).flatMap((meter) => meter.states());
      return rateLimitFields(states);
    },
    close: () => counters.close(),
  };
};
