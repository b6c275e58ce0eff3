import { createCallerLimits } from '../../../src/caller-limits/caller-limits.ts';
import { createDeliver } from '../../../src/deliver.ts';
import type { Plan } from '../../../src/delivery/plan.ts';
import type { Delivery, Receipt } from '../../../src/domain.ts';
import { createBufferBudget } from '../../../src/drive/upload/buffer-budget.ts';
import { CourierError } from '../../../src/errors.ts';
import { createTransport } from '../../../src/google/create-transport.ts';
import type { Http, Attempt as HttpAttempt } from '../../../src/google/http.ts';
import type { Ledger } from '../../../src/ledger/ledger.ts';
import type { Log } from '../../../src/log.ts';
import { createCompleteUpload } from '../../../src/upload-sessions/complete.ts';
import { createOpenUpload } from '../../../src/upload-sessions/open.ts';
import { contexts, type World } from '../world.ts';
import type { PointResult, VirtualProcess } from './actors.ts';
import { faultsOf, REFUSALS } from './drive-faults.ts';
import type { DriveAnswer } from './local-drive.ts';
import { openPlace } from './place.ts';
import { createUnpack } from './unpacking.ts';

/** One courier process: the real delivery code and the real Drive client. Each of its calls is a scheduling point. */
export interface Courier {
  process: VirtualProcess;
  deliver(delivery: Delivery): Promise<Receipt>;
  openUpload: ReturnType<typeof createOpenUpload>;
  completeUpload: ReturnType<typeof createCompleteUpload>;
  unpack: ReturnType<typeof createUnpack>;
}

const BLOCK_BYTES = 262_144;

const connectionLost = (): Error => Object.assign(new Error('socket hang up'), { code: 'ECONNRESET' });

interface Described {
  id?: string;
  sha256Checksum?: string;
  md5Checksum?: string;
  files?: Described[];
  revisions?: Described[];
}

/** The checksums in a response of Drive: of a file, of a list of files, or of a file's revisions. */
const checksumsIn = (url: string, { body }: DriveAnswer): { fileId: string; digest: string }[] => {
  if (!body.includes('Checksum')) return [];
  const answer = JSON.parse(body.toString()) as Described;
  const ofFile = /\/files\/([^/]+)\/revisions/.exec(url)?.[1];
  const described = answer.files ?? answer.revisions ?? [answer];
  return described.flatMap(({ id, sha256Checksum, md5Checksum }) => {
    const fileId = ofFile ?? id;
    if (fileId === undefined) return [];
    const digests = [sha256Checksum, md5Checksum].filter((digest) => digest !== undefined);
    return digests.map((digest) => ({ fileId, digest: digest.toLowerCase() }));
  });
};

/** One request to Drive or Sheets. It runs when the schedule selects it, with the fault that the schedule chooses. */
export const callDrive = (world: World, request: HttpAttempt): Promise<DriveAnswer> => {
  // The sender may use its buffers again before a late request is carried out.
  const attempt = { ...request, body: request.body.map((piece) => Buffer.from(piece)) };
  const { drive, labels, scheduler } = world;
  const label = labels.call(attempt.method, attempt.url);
  const act = async (fault: string | undefined): Promise<PointResult<DriveAnswer>> => {
    const refused = REFUSALS.get(fault ?? '');
    if (refused !== undefined) return { note: refused.note, value: refused.answer };
    if (fault === 'lost-late') return { note: 'the connection breaks after it is sent', error: connectionLost() };
    if (fault === 'reset') return { note: 'the connection breaks before it is sent', error: connectionLost() };
    const answer = await drive.handle(attempt, fault === 'corrupt');
    const note = `${answer.status}${fault === 'corrupt' ? ', and a byte is stored wrongly' : ''}`;
    if (fault === 'late') return { note: `${note}, although nobody waits for it`, error: connectionLost() };
    if (fault === 'lost') return { note: `${note}, and the answer is lost`, error: connectionLost() };
    const seen = checksumsIn(attempt.url, answer).map((one) => ({ ...one, step: scheduler.steps.length + 1 }));
    world.attempt(contexts.getStore())?.seen.push(...seen);
    return { note, value: answer };
  };
  // Uploads can take long, in particular conversions.
  const maxLatencyMs = attempt.url.includes('/upload/') ? 110_000 : 30_000;
  const context = contexts.getStore();
  const inContext = (fault: string | undefined): Promise<PointResult<DriveAnswer>> =>
    context === undefined ? act(fault) : contexts.run(context, () => act(fault));
  return scheduler.point(label, world.isFaultFree ? [] : faultsOf(world, attempt), inContext, {
    signal: attempt.signal,
    maxLatencyMs,
    canBeLate: attempt.method !== 'GET',
  });
};

const createHttp = (world: World): Http => ({
  send: (attempt) => callDrive(world, attempt),
  open: () => Promise.reject(new Error('no delivery of a schedule reads from Google')),
  close: () => undefined,
});

/** The receipt in the arguments of a ledger call, if there is one. */
const receiptIn = (given: unknown, depth = 0): Receipt | undefined => {
  if (typeof given !== 'object' || given === null || depth > 4) return undefined;
  if ('outcome' in given && 'sha256' in given && 'id' in given) return given as Receipt;
  for (const value of Object.values(given)) {
    const found = receiptIn(value, depth + 1);
    if (found !== undefined) return found;
  }
  return undefined;
};

/** The plan in the arguments of a ledger call about a delivery's key, if there is one. */
const planIn = ([key, change]: readonly unknown[]): Plan | undefined =>
  typeof key === 'string' && key.startsWith('delivery:')
    ? (change as { record?: { plan?: Plan } } | undefined)?.record?.plan
    : undefined;

/** The ledger, with a scheduling point in front of each method call. */
const createLedger = (world: World): Ledger => {
  const call = (name: string, method: (...given: unknown[]) => unknown, given: unknown[]): Promise<unknown> => {
    const context = contexts.getStore();
    const act = async (fault: string | undefined): Promise<PointResult<unknown>> => {
      const error = new CourierError('google-unavailable', { detail: 'The ledger does not answer.' });
      if (fault === 'fail') return { note: 'the ledger does not answer', error };
      if (fault === 'lost-late') return { note: 'the ledger does not answer, and gets it later', error };
      try {
        const value = await method.apply(world.ledger, given);
        const receipt = receiptIn(given);
        const attempt = world.attempt(context);
        if (receipt !== undefined && attempt !== undefined && name !== 'read') world.recorded(attempt, receipt);
        const mine = (value as { mine?: boolean } | undefined)?.mine;
        const plan = mine === true ? planIn(given) : undefined;
        if (plan !== undefined && attempt !== undefined) world.planned(attempt, plan);
        if (fault === 'lost' || fault === 'late') return { note: 'done, and the answer is lost', error };
        const state = (value as { state?: string } | undefined)?.state;
        return {
          note: mine === undefined ? (state ?? (value === undefined ? 'nothing' : 'done')) : `mine: ${mine}`,
          value,
        };
      } catch (thrown) {
        return { note: String(thrown), error: thrown };
      }
    };
    return world.scheduler.point(world.labels.ledger(name, given), world.isFaultFree ? [] : ['fail', 'lost'], act, {
      canBeLate: name !== 'read',
    });
  };
  return new Proxy(world.ledger, {
    get(ledger, name) {
      const method: unknown = Reflect.get(ledger, name);
      if (typeof method !== 'function' || typeof name !== 'string' || name === 'close') return method;
      return (...given: unknown[]) => call(name, method as (...given: unknown[]) => unknown, given);
    },
  });
};

/** A log that keeps only the outcomes of audit lines. */
const createLog = (world: World): Log => {
  const keep = (fields: Readonly<Record<string, unknown>>): void => {
    const outcome = (fields.audit as { outcome?: string } | undefined)?.outcome;
    if (outcome !== undefined) world.attempt(contexts.getStore())?.audits.push(outcome);
  };
  const log: Log = { debug: () => undefined, info: keep, warn: keep, error: keep, child: () => log };
  return log;
};

/**
 * Starts a process. Its memory and its clock are its own; Drive and the ledger are shared by all processes.
 * @param skewMs how much its clock is ahead
 */
export const startCourier = (world: World, name: string, skewMs: number): Courier => {
  const now = (): number => world.clock.now() + skewMs;
  const log = createLog(world);
  const ledger = createLedger(world);
  const transport = createTransport({ http: createHttp(world), now, random: () => 0.5, log });
  const budget = createBufferBudget({ bytes: 8 * BLOCK_BYTES, maxWaiters: 10, now });
  const place = openPlace(world, { transport, budget, ledger, now, log });
  const story = { allow: () => place, ledger, now, wall: now, log };
  const [deliverAny, openAny] = [createDeliver(story), createOpenUpload(story)];
  const limits = createCallerLimits({ ...story, perCaller: undefined });
  const deliver: Courier['deliver'] = (delivery) => limits.deliver(delivery, deliverAny);
  return {
    process: world.scheduler.startProcess(name),
    deliver,
    openUpload: (request) => limits.openUpload(request, () => openAny(request)),
    completeUpload: createCompleteUpload(story),
    unpack: createUnpack({ ...story, deliver }),
  };
};
