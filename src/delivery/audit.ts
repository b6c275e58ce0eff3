import { type Caller, callerName, type Receipt } from '../domain.ts';
import { asCourierError, isPermanent } from '../errors.ts';
import type { CallStats } from '../google/transport.ts';
import type { Log } from '../log.ts';
import type { Telemetry } from '../telemetry.ts';
import { createStepTimer, type StepTimer } from './step-timer.ts';

/** What is known of a delivery before anything is done. */
interface DeliveryFacts {
  caller: Caller;
  /** As named by the caller, until the destination is settled. */
  destination: string | undefined;
  /** Undefined where it stands in a body that was not read. */
  name: string | undefined;
  size: number | undefined;
  idempotencyKey: string | undefined;
  /** Of a direct upload. */
  uploadId?: string;
  /** Of a message: a permanent failure is acknowledged, and so not told as one that comes again. */
  message?: { signal: AbortSignal };
}

/** One delivery's account: who put what where, what came of it, and what it took. */
export interface Audit {
  callStats: CallStats;
  stepTimer: StepTimer;
  /** The destination that was meant. */
  setDestination(destination: string): void;
  /** Does the delivery, and writes its one line, whichever way it ends. */
  run(work: () => Promise<Receipt>): Promise<Receipt>;
}

/**
 * Begins the audit line of a delivery. Labels are what its log-based metrics are cut by (deploy/monitoring); `attempts`
 * counts requests to Google, repeated ones included.
 */
export const beginAudit = (
  asked: DeliveryFacts,
  { now, log, telemetry }: { now: () => number; log: Log; telemetry?: Telemetry | undefined },
): Audit => {
  const callStats: CallStats = { calls: 0, retries: 0, units: 0 };
  const stepTimer = createStepTimer(now, telemetry);
  const startedMs = now();
  let destination = asked.destination;

  const write = (ending: { outcome: string; code?: string; size: number | undefined }, what: object): void => {
    const { outcome, code, size } = ending;
    const milliseconds = now() - startedMs;
    const labels = { destination: destination ?? '', outcome, ...(code === undefined ? {} : { code }) };
    const { uploadId, idempotencyKey = null } = asked;
    const audit = {
      ...{
        outcome,
        ...(code === undefined ? {} : { code }),
        caller: callerName(asked.caller),
        callerSub: asked.caller.sub,
      },
      ...{ destination: destination ?? null, name: asked.name ?? null, size: size ?? null, idempotencyKey },
      ...what,
      ...(uploadId === undefined ? {} : { uploadId }),
      ...{
        attempts: callStats.calls,
        calls: callStats.calls - callStats.retries,
        retries: callStats.retries,
        units: callStats.units,
      },
      milliseconds: { ...stepTimer.steps(), total: milliseconds },
    };
    const message = code === undefined ? `delivered ${outcome}` : `delivery ${outcome}: ${code}`;
    log[code === undefined ? 'info' : 'warn']({ 'logging.googleapis.com/labels': labels, audit }, message);
    telemetry?.delivered({
      ...labels,
      bytes: code === undefined ? (size ?? 0) : 0,
      milliseconds,
      units: callStats.units,
    });
  };

  return {
    callStats,
    stepTimer,
    setDestination(meant) {
      destination = meant;
    },
    async run(work) {
      try {
        const receipt = await work();
        const { outcome, size, path, folderId, name, mimeType, sha256, md5, id, warnings } = receipt;
        const file = { path, folderId, name, mimeType, sha256, md5, fileId: id };
        write({ outcome, size }, { ...file, ...(warnings === undefined ? {} : { warnings }) });
        return receipt;
      } catch (error) {
        const failure = asCourierError(error);
        const isGivenUp = asked.message !== undefined && isPermanent(failure, asked.message.signal);
        write({ outcome: isGivenUp ? 'given-up' : 'failed', code: failure.code, size: asked.size }, {});
        throw error;
      }
    },
  };
};
