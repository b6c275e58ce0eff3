import { hash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Receipt, Source } from '../../../src/domain.ts';
import { asCourierError, type CourierError } from '../../../src/errors.ts';
import { entriesOf } from '../archive-entries.ts';
import { checkOpened } from '../invariants/callers.ts';
import type { Attempt, Ending } from '../monitor.ts';
import { type DeliverySpec, FILE_NAME, isRows, isSession, OPEN_AGAIN } from '../scenario.ts';
import { bytesOf, contexts, type World } from '../world.ts';
import type { Actor } from './actors.ts';
import { type ArchiveEntry, sendArchive } from './archive-senders.ts';
import { callerOf, keySentBy } from './callers.ts';
import type { Courier } from './courier.ts';
import { callDrive } from './courier.ts';
import { completeOthers } from './other-callers.ts';
import { beginAttempt, type SentRequest, sendRequest } from './requests.ts';

/** Sends one delivery until it gets a final response. */
export interface Sender {
  actor: Actor;
  spec: DeliverySpec;
  /** Whether the last call of `send` ended with a receipt or a permanent error. */
  isAnswered(): boolean;
  /** Makes up to `tries` attempts. @param isReplay the delivery was answered before */
  send(tries: number, isReplay?: boolean): Promise<void>;
}

const MAX_WAIT_MS = 64_000;
/** How long an account is left out after a refusal. */
const MAX_REFUSAL_MS = 3_600_000;

const inPieces = async function* (bytes: Buffer): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += 100_000) yield bytes.subarray(at, at + 100_000);
};

const sourceOf = (spec: DeliverySpec): Source => {
  const bytes = bytesOf(spec);
  // Drive converts this type. CSV is written as rows, without a conversion.
  const converted = spec.size === 'sheet' ? 'application/vnd.oasis.opendocument.spreadsheet' : 'text/plain';
  const mimeType = isRows(spec) ? 'text/csv' : converted;
  const plain = { size: bytes.length, mimeType, open: () => inPieces(bytes) };
  if (spec.way !== 'push') return plain;
  return { ...plain, identity: `gs://exports/${spec.bytes}#1`, openAt: (offset) => inPieces(bytes.subarray(offset)) };
};

const optionsOf = (world: World, { rule, size, tab }: DeliverySpec) => ({
  name: FILE_NAME,
  onConflict: rule,
  ...(world.scenario.path === '' ? {} : { path: world.scenario.path }),
  ...(size === 'sheet' || isRows({ size }) ? { convertTo: 'sheet' as const } : {}),
  ...(tab === undefined ? {} : { tab }),
});

const deliver = (world: World, spec: DeliverySpec, { courier, time }: SentRequest): Promise<Receipt> =>
  courier.deliver({
    ...{ ...time, ...keySentBy(spec), caller: callerOf(spec), options: optionsOf(world, spec), source: sourceOf(spec) },
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
const upload = async (world: World, attempt: Attempt, { courier, time, onCaller }: SentRequest): Promise<Receipt> => {
  const { spec } = attempt;
  const bytes = bytesOf(spec);
  const caller = callerOf(spec);
  const options = { ...optionsOf(world, spec), mimeType: 'text/plain', size: bytes.length };
  const opened = await courier.openUpload({ ...time, ...keySentBy(spec), caller, options });
  attempt.uploadId = opened.id;
  checkOpened(world.facts, attempt);
  await onCaller(() => putToSession(world, opened.uploadUrl, bytes));
  await completeOthers(world, attempt, { courier, time });
  const digest = spec.way === 'upload' ? { sha256: hash('sha256', bytes) } : {};
  return courier.completeUpload({ ...time, ...digest, id: opened.id, caller });
};

/** Whether the sender stops retrying. A push that fails permanently is acknowledged, and not delivered again. */
const isFinalError = ({ way }: DeliverySpec, error: CourierError): boolean => {
  const isOpenedAgain = isSession({ way }) && OPEN_AGAIN.includes(error.code);
  // Server errors are retried, even if they need an operator first.
  return error.status < 500 && !error.retryable && !isOpenedAgain && error.code !== 'body-truncated';
};

/** @param courier returns the running process of a name */
export const createSender = (
  world: World,
  { actor, spec, courier }: { actor: Actor; spec: DeliverySpec; courier: (name: string) => Courier },
): Sender => {
  const { scheduler } = world;
  let count = 0;
  let isAnswered = false;
  let entries: ArchiveEntry[] = [];

  /** Each entry of an archive is an actor, because entries are delivered at the same time. */
  const addEntries = (): void => {
    if (spec.way !== 'zip' || entries.length > 0) return;
    entries = entriesOf(spec).map((entry, at) => {
      const own = scheduler.addActor(`${actor.name}.${at + 1}`, { key: entry.spec.key });
      own.finished = true;
      // Sending the request counts as its first call.
      own.ops = 1;
      return { ...entry, actor: own };
    });
  };

  const sendOne = async (request: SentRequest): Promise<Ending[]> => {
    const attempt = beginAttempt(world, actor, { spec }, request);
    const work = (): Promise<Receipt> =>
      isSession(spec) ? upload(world, attempt, request) : deliver(world, spec, request);
    const result = request.inProcess(work).then(
      (receipt): Ending => ({ kind: 'receipt', receipt }),
      (error: unknown): Ending => ({ kind: 'error', error: asCourierError(error) }),
    );
    const ending = await Promise.race([result, request.gone.then((): Ending => ({ kind: 'gone' }))]);
    world.ended(attempt, ending);
    return [ending];
  };

  /** Returns how each file of the delivery has ended. */
  const tryOnce = async (isReplay: boolean): Promise<Ending[]> => {
    count += 1;
    const request = await sendRequest(world, { actor, spec, courier, number: count, isReplay });
    return spec.way === 'zip' ? sendArchive(world, { spec, entries }, request) : sendOne(request);
  };

  const isFinal = (ending: Ending): boolean =>
    ending.kind === 'receipt' || (ending.kind === 'error' && isFinalError(spec, ending.error));

  const waitMs = (endings: readonly Ending[], turn: number): number => {
    // The minimum backoff of Pub/Sub is ten seconds.
    const least = spec.way === 'push' ? 10_000 : 1_000;
    const asked = Math.max(
      ...endings.map((ending) =>
        ending.kind === 'error' ? Math.max(least, (ending.error.retryAfterSeconds ?? 1) * 1_000) : least,
      ),
    );
    const longest = world.scenario.settings.includes('accounts') ? MAX_REFUSAL_MS : MAX_WAIT_MS;
    return world.isFaultFree ? Math.min(longest, Math.max(asked, 1_000 * 2 ** turn)) : asked;
  };

  return {
    actor,
    spec,
    isAnswered: () => isAnswered,
    async send(tries, isReplay = false) {
      addEntries();
      actor.finished = false;
      isAnswered = false;
      for (let turn = 0; turn < tries; turn++) {
        const endings = await tryOnce(isReplay);
        if (endings.every(isFinal)) {
          isAnswered = true;
          break;
        }
        if (turn + 1 < tries) await contexts.run({ actor }, () => sleep(waitMs(endings, turn)));
      }
      actor.finished = true;
    },
  };
};
