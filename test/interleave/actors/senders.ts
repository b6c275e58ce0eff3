import { setTimeout as sleep } from 'node:timers/promises';
import type { Receipt, Source } from '../../../src/domain.ts';
import { asCourierError, CourierError } from '../../../src/errors.ts';
import type { Attempt, Ending } from '../monitor.ts';
import { type DeliverySpec, isSession, OPEN_AGAIN, skewOf } from '../scenario.ts';
import { bytesOf, contexts, FILE_NAME, sha256Of, type World } from '../world.ts';
import type { Actor, Context } from './actors.ts';
import type { Courier } from './courier.ts';
import { callDrive } from './courier.ts';

/** Sends one delivery until it gets a final response. */
export interface Sender {
  actor: Actor;
  spec: DeliverySpec;
  /** Whether the last call of `send` ended with a receipt or a permanent error. */
  isAnswered(): boolean;
  /** Makes up to `tries` attempts. @param isReplay the delivery was answered before */
  send(tries: number, isReplay?: boolean): Promise<void>;
}

const CALLER = { sub: '1', email: 'exporter@local-project.iam.gserviceaccount.com' };
const REQUEST_MS = 120_000;
const LONGEST_WAIT_MS = 64_000;

const inPieces = async function* (bytes: Buffer): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += 100_000) yield bytes.subarray(at, at + 100_000);
};

const sourceOf = (spec: DeliverySpec): Source => {
  const bytes = bytesOf(spec);
  // Drive converts this type. CSV would be written as rows, without a conversion.
  const mimeType = spec.size === 'sheet' ? 'application/vnd.oasis.opendocument.spreadsheet' : 'text/plain';
  const plain = { size: bytes.length, mimeType, open: () => inPieces(bytes) };
  if (spec.way !== 'push') return plain;
  return { ...plain, identity: `gs://exports/${spec.bytes}#1`, openAt: (offset) => inPieces(bytes.subarray(offset)) };
};

const optionsOf = (world: World, { rule, size }: DeliverySpec) => ({
  name: FILE_NAME,
  onConflict: rule,
  ...(world.scenario.path === '' ? {} : { path: world.scenario.path }),
  ...(size === 'sheet' ? { convertTo: 'sheet' as const } : {}),
});

interface Time {
  signal: AbortSignal;
  deadlineMs: number;
  requestId: string;
}

const keyOf = ({ key }: DeliverySpec): { idempotencyKey?: string } =>
  key === undefined ? {} : { idempotencyKey: key };

const deliver = (world: World, courier: Courier, spec: DeliverySpec, time: Time): Promise<Receipt> =>
  courier.deliver({
    ...{ ...time, ...keyOf(spec), caller: CALLER, options: optionsOf(world, spec), source: sourceOf(spec) },
    ...(spec.way === 'push' ? { allowedDestinations: ['reports'] } : {}),
  });

/** The caller's part of an upload session: queries the session and sends the missing bytes. Errors are ignored. */
const putToSession = async (world: World, uri: string, bytes: Buffer): Promise<void> => {
  const put = (range: string, body: Buffer) =>
    callDrive(world, {
      ...{ method: 'PUT', url: uri, headers: { 'content-range': range }, timeoutMs: 60_000 },
      body: body.length === 0 ? [] : [body],
    }).catch(() => undefined);
  for (let turn = 0; turn < 4; turn++) {
    const status = turn === 0 ? undefined : await put(`bytes */${bytes.length}`, Buffer.alloc(0));
    if (status?.status === 200) return;
    if (turn > 0 && status?.status !== 308) continue;
    const from = Number(/-(\d+)$/.exec(status?.headers.range ?? '')?.[1] ?? -1) + 1;
    const answer = await put(`bytes ${from}-${bytes.length - 1}/${bytes.length}`, bytes.subarray(from));
    if (answer?.status === 200) return;
  }
};

/** Opens an upload session, sends the bytes and completes it. */
const upload = async (
  world: World,
  {
    courier,
    attempt,
    time,
    onCaller,
  }: { courier: () => Courier; attempt: Pick<Attempt, 'spec' | 'uploadId'>; time: Time; onCaller: OnCaller },
): Promise<Receipt> => {
  const { spec } = attempt;
  const bytes = bytesOf(spec);
  const options = { ...optionsOf(world, spec), mimeType: 'text/plain', size: bytes.length };
  const opened = await courier().openUpload({ ...time, ...keyOf(spec), caller: CALLER, options });
  attempt.uploadId = opened.id;
  await onCaller(() => putToSession(world, opened.uploadUrl, bytes));
  const digest = spec.way === 'upload' ? { sha256: sha256Of(bytes) } : {};
  return courier().completeUpload({ ...time, ...digest, id: opened.id, caller: CALLER });
};

type OnCaller = (work: () => Promise<void>) => Promise<void>;

/** Whether the sender stops retrying. A push that fails permanently is acknowledged, and not delivered again. */
const isFinal = ({ way }: DeliverySpec, error: CourierError): boolean => {
  const isOpenedAgain = isSession({ way }) && OPEN_AGAIN.includes(error.code);
  // Server errors are retried, even if they need an operator first.
  return error.status < 500 && !error.retryable && !isOpenedAgain && error.code !== 'body-truncated';
};

/** @param courier returns the running process of a name */
export const createSender = (
  world: World,
  { actor, spec, courier }: { actor: Actor; spec: DeliverySpec; courier: (name: string) => Courier },
): Sender => {
  let count = 0;
  let isAnswered = false;

  const tryOnce = async (isReplay: boolean): Promise<Ending> => {
    count += 1;
    const own: Context = { actor, attempt: count };
    await contexts.run(own, () =>
      world.scheduler.point(isReplay ? 'sends again' : `sends, try ${count}`, [], async () => ({
        note: spec.way,
        value: undefined,
      })),
    );
    const attempt: Attempt = {
      ...{ actor: actor.name, spec, number: count, startStep: world.scheduler.steps.length, endStep: undefined },
      ...{ ending: undefined, uploadId: undefined, audits: [], seen: [], isReplay },
    };
    world.monitor.attempts.push(attempt);
    const taken = courier(spec.process);
    const controller = new AbortController();
    let leave = (): void => undefined;
    const left = new Promise<void>((resolve) => {
      leave = resolve;
    });
    const context: Context = {
      ...{ actor, process: taken.process, attempt: count },
      leave() {
        delete context.leave;
        controller.abort(new CourierError('body-truncated', { detail: 'The caller went away.' }));
        leave();
      },
    };
    if (world.isFaultFree) delete context.leave;
    const time = {
      signal: controller.signal,
      // A process computes the deadline by its own clock.
      deadlineMs: world.clock.now() + skewOf(spec.process) + REQUEST_MS,
      requestId: `${actor.name}-${count}`,
    };
    const work = (): Promise<Receipt> =>
      isSession(spec)
        ? upload(world, { courier: () => taken, attempt, time, onCaller: (put) => contexts.run(own, put) })
        : deliver(world, taken, spec, time);
    const result = contexts.run(context, work).then(
      (receipt): Ending => ({ kind: 'receipt', receipt }),
      (error: unknown): Ending => ({ kind: 'error', error: asCourierError(error) }),
    );
    const gone = (): Ending => ({ kind: 'gone' });
    const ending = await Promise.race([result, taken.process.died.then(gone), left.then(gone)]);
    world.ended(attempt, ending);
    return ending;
  };

  const waitMs = (ending: Ending, turn: number): number => {
    // The minimum backoff of Pub/Sub is ten seconds.
    const least = spec.way === 'push' ? 10_000 : 1_000;
    const asked = ending.kind === 'error' ? Math.max(least, (ending.error.retryAfterSeconds ?? 1) * 1_000) : least;
    return world.isFaultFree ? Math.min(LONGEST_WAIT_MS, Math.max(asked, 1_000 * 2 ** turn)) : asked;
  };

  return {
    actor,
    spec,
    isAnswered: () => isAnswered,
    async send(tries, isReplay = false) {
      actor.finished = false;
      isAnswered = false;
      for (let turn = 0; turn < tries; turn++) {
        const ending = await tryOnce(isReplay);
        if (ending.kind === 'receipt' || (ending.kind === 'error' && isFinal(spec, ending.error))) {
          isAnswered = true;
          break;
        }
        if (turn + 1 < tries) await contexts.run({ actor }, () => sleep(waitMs(ending, turn)));
      }
      actor.finished = true;
    },
  };
};
