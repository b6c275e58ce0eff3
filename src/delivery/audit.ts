import { type Caller, callerName, type Delivery, type Receipt, type SourceFacts } from '../domain.ts';
import { asCourierError, type CourierError, isPermanent } from '../errors.ts';
import type { CallStats } from '../google/transport.ts';
import type { Log } from '../log.ts';
import type { Telemetry } from '../telemetry.ts';

/** Milliseconds by step, for the audit line; each step is also a span, where telemetry is on. */
interface StepTimer {
  time<Result>(step: string, work: () => Promise<Result>): Promise<Result>;
  steps(): Record<string, number>;
}

/** What is known of a delivery before it begins. */
interface DeliveryFacts {
  caller: Caller;
  /** As the caller named it. */
  destination: string | undefined;
  /** Undefined where it is part of a body that was not read. */
  name: string | undefined;
  size: number | undefined;
  idempotencyKey: string | undefined;
  /** What became known while the bytes were read; see `Source.facts`. */
  sourceFacts?: (() => SourceFacts) | undefined;
  /** Of an upload session. */
  uploadId?: string | undefined;
  /** Of a Pub/Sub message: a permanent failure is acknowledged, so its outcome differs from that of a failure after which the message is redelivered. */
  message?: { signal: AbortSignal } | undefined;
}

/** Errors whose audit line is written. */
const audited = new WeakSet<object>();

/** Whether the audit line of a delivery was already written for a failed request. */
export const isAudited = (failure: CourierError): boolean =>
  audited.has(failure) || (typeof failure.cause === 'object' && failure.cause !== null && audited.has(failure.cause));

/** Called with the facts of the audit line after a delivery that has a receipt. It returns at once. */
export type OnReceipt = (facts: Readonly<Record<string, unknown>>) => void;

/** One delivery's audit line: who put which file where, the outcome, and what it cost. */
export interface Audit {
  callStats: CallStats;
  stepTimer: StepTimer;
  /** Sets the name of the destination once it is known. */
  setDestination(destination: string): void;
  /** Runs the delivery, and writes its audit line however it ends. */
  run(work: () => Promise<Receipt>): Promise<Receipt>;
}

/** The facts of a delivery whose request was read. */
export const factsOf = ({ caller, options, source, idempotencyKey, signal, ...rest }: Delivery): DeliveryFacts => ({
  ...{ caller, destination: options.destination, name: options.name, size: source.size, idempotencyKey },
  sourceFacts: source.facts,
  message: rest.allowedDestinations && { signal },
});

const createStepTimer = (now: () => number, telemetry: Pick<Telemetry, 'step'> | undefined): StepTimer => {
  const laps: Record<string, number> = {};
  return {
    async time(step, work) {
      const startMs = now();
      try {
        return await (telemetry === undefined ? work() : telemetry.step(step, work));
      } finally {
        laps[step] = (laps[step] ?? 0) + now() - startMs;
      }
    },
    steps: () => ({ ...laps }),
  };
};

/**
 * Begins the audit line of a delivery. Log-based metrics (deploy/monitoring) are grouped by its labels. `attempts` counts
 * the requests to Google, retries included.
 */
export const beginAudit = (
  asked: DeliveryFacts,
  {
    now,
    log,
    telemetry,
    onReceipt,
  }: { now: () => number; log: Log; telemetry?: Telemetry | undefined; onReceipt?: OnReceipt | undefined },
): Audit => {
  const callStats: CallStats = { calls: 0, retries: 0, units: 0 };
  const stepTimer = createStepTimer(now, telemetry);
  const startedMs = now();
  let destination = asked.destination;

  const write = (
    { outcome, code, size }: { outcome: string; code?: string; size: number | undefined },
    file: object,
  ): void => {
    const milliseconds = now() - startedMs;
    const labels = { destination: destination ?? '', outcome, ...(code === undefined ? {} : { code }) };
    const { uploadId, idempotencyKey = null } = asked;
    const sourceFacts = asked.sourceFacts?.();
    const audit = {
      ...{
        outcome,
        code,
        caller: callerName(asked.caller),
        callerSub: asked.caller.sub,
      },
      ...{ destination: destination ?? null, name: asked.name ?? null, size: size ?? null, idempotencyKey },
      ...file,
      uploadId,
      ...sourceFacts,
      ...{
        attempts: callStats.calls,
        calls: callStats.calls - callStats.retries,
        retries: callStats.retries,
        units: callStats.units,
      },
      milliseconds: { ...stepTimer.steps(), total: milliseconds },
    };
    if (code === undefined) onReceipt?.(audit);
    const message = code === undefined ? `delivered ${outcome}` : `delivery ${outcome}: ${code}`;
    log[code === undefined ? 'info' : 'warn']({ 'logging.googleapis.com/labels': labels, audit }, message);
    telemetry?.delivered({
      ...labels,
      bytes: code === undefined ? (size ?? 0) : 0,
      milliseconds,
      units: callStats.units,
      bytesBilled: sourceFacts?.bytesBilled,
    });
  };

  return {
    callStats,
    stepTimer,
    setDestination(name) {
      destination = name;
    },
    async run(work) {
      try {
        const receipt = await work();
        const { outcome, size, path, folderId, name, mimeType, sha256, md5, id, account, warnings } = receipt;
        const written = account === undefined ? {} : { account };
        const file = { path, folderId, name, mimeType, sha256, md5, fileId: id, ...written };
        write({ outcome, size }, { ...file, warnings });
        return receipt;
      } catch (error) {
        const failure = asCourierError(error);
        const isGivenUp = asked.message !== undefined && isPermanent(failure, asked.message.signal);
        write({ outcome: isGivenUp ? 'given-up' : 'failed', code: failure.code, size: asked.size }, {});
        if (typeof error === 'object' && error !== null) audited.add(error);
        throw error;
      }
    },
  };
};
