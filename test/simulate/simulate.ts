import { DriveError } from '../../local/google/drive/errors.ts';
import { DEFAULT_LIMITS } from '../../local/google/drive/model.ts';
import { createQuota } from '../../local/google/drive/store/quota.ts';
import { seededRandom } from '../../local/google/random.ts';
import { createDriveClient } from '../../src/drive/client.ts';
import { createPace, type Pace, UNITS, UNITS_PER_MINUTE } from '../../src/drive/pacing.ts';
import { createTransport } from '../../src/google/create-transport.ts';
import type { Http } from '../../src/google/http.ts';
import type { Log } from '../../src/log.ts';
import { createVirtualTime, type VirtualTime } from './virtual-time.ts';

/** Many instances of the courier that write with one account, and so share one quota without knowing of each other. */
export interface Setting {
  instances: number;
  /** Deliveries offered, as a multiple of what the quota allows. */
  load: number;
  /** Simulated minutes. */
  minutes: number;
  seed: number;
  /** Minutes over which the instances start one after another (default 0: all at once). */
  startMinutes?: number;
  /** False: without pacing, to verify that the simulation shows what it is for (default true). */
  paced?: boolean;
}

export interface Outcome extends Setting {
  /** Accepted units, as a fraction of the smaller of what was offered and what the quota allows. */
  goodput: number;
  /** Calls that Drive rejected, as a fraction of all calls. */
  rejected: number;
  /**
   * Jain's index of the deliveries that each instance completed in the second half of the time: 1 where all completed as
   * many, 1/n where one did all.
   */
  fairness: number;
  /** Deliveries that the slowest and the fastest instance completed in that half, as a fraction of the mean. */
  slowest: number;
  fastest: number;
}

/** The maximum of concurrent deliveries of an instance, the default of `limits.concurrentUploads`. */
const CONCURRENT_UPLOADS = 80;
const DEADLINE_MS = 60_000;
/** How long Drive takes to create a small file, in milliseconds. */
const LATENCY_MS = { least: 150, spread: 300 };
const REFUSAL_MS = 30;
const WHO = { email: 'courier@project.iam.gserviceaccount.com', project: 'project' };
const CREATED = { status: 200, headers: {}, body: Buffer.from('{}') };
const UNPACED: Pace = { spend: () => Promise.resolve(), slowDown: () => undefined };
const SILENT: Log = { debug() {}, info() {}, warn() {}, error() {}, child: () => SILENT };

interface Counts {
  calls: number;
  refused: number;
}

/** Drive's side of a call: the local Google's quota, in simulated time. */
const createDriveSide = (time: VirtualTime, random: () => number, counts: Counts): Http => {
  const quota = createQuota(time.now, DEFAULT_LIMITS);
  return {
    async send() {
      counts.calls += 1;
      try {
        quota.charge(WHO, 'drive.files.create', false);
      } catch (error) {
        if (!(error instanceof DriveError)) throw error;
        counts.refused += 1;
        await time.sleep(REFUSAL_MS);
        return { status: error.code, headers: error.headers, body: Buffer.from(JSON.stringify(error.body)) };
      }
      await time.sleep(LATENCY_MS.least + random() * LATENCY_MS.spread);
      return CREATED;
    },
    open: () => Promise.reject(new Error('nothing is downloaded in a simulation')),
    close: () => undefined,
  };
};

/** One instance: the courier's transport, Drive client and pacing. It rejects deliveries above its limit. */
const createInstance = (time: VirtualTime, random: () => number, http: Http, paced: boolean) => {
  const { now, sleep } = time;
  const transport = createTransport({ now, sleep, random, http, log: SILENT });
  const auth = {
    account: () => WHO.email,
    token: async () => 'token',
    rejected: () => undefined,
    rotated: () => undefined,
  };
  const pace = paced ? createPace({ now, sleep, random }) : UNPACED;
  const client = createDriveClient({ transport, auth, pace, now });
  const call = { operation: 'drive.files.create', method: 'POST', url: 'https://www.googleapis.com/upload' } as const;
  let inHand = 0;
  const instance = {
    completed: 0,
    async deliver(): Promise<void> {
      if (inHand >= CONCURRENT_UPLOADS) return;
      inHand += 1;
      const request = { ...call, units: UNITS.create, retry: 'idempotent' } as const;
      const answer = await client.call(request, { deadlineMs: now() + DEADLINE_MS }).catch(() => undefined);
      inHand -= 1;
      if (answer?.status === 200) instance.completed += 1;
    },
  };
  return instance;
};

const jain = (values: readonly number[]): number => {
  const sum = values.reduce((total, value) => total + value, 0);
  const squares = values.reduce((total, value) => total + value ** 2, 0);
  return squares === 0 ? 1 : sum ** 2 / (values.length * squares);
};

export const simulate = async (setting: Setting): Promise<Outcome> => {
  const { instances: count, load, minutes, seed, startMinutes = 0, paced = true } = setting;
  const time = createVirtualTime();
  const random = seededRandom(seed);
  const counts = { calls: 0, refused: 0 };
  const http = createDriveSide(time, random, counts);
  const endMs = minutes * 60_000;
  const meanGapMs = (60_000 * UNITS.create * count) / (UNITS_PER_MINUTE * load);
  const startOf = (index: number): number => (startMinutes * 60_000 * index) / count;

  /** Units offered in each minute: in a quiet minute no more than that can be accepted, however busy the next one is. */
  const offeredUnits = Array.from({ length: minutes }, () => 0);
  const instances = Array.from({ length: count }, (_, index) => {
    const instance = createInstance(time, random, http, paced);
    // Deliveries arrive independently of each other (a Poisson process).
    const arrive = (): void => {
      void instance.deliver();
      const minute = Math.floor(time.now() / 60_000);
      offeredUnits[minute] = (offeredUnits[minute] ?? 0) + UNITS.create;
      time.at(time.now() - Math.log(1 - random()) * meanGapMs, arrive);
    };
    time.at(startOf(index) + random() * meanGapMs, arrive);
    return instance;
  });
  await time.run(endMs / 2);
  const completedBefore = instances.map((instance) => instance.completed);
  await time.run(endMs);

  const possible = offeredUnits.slice(0, minutes).reduce((sum, units) => sum + Math.min(units, UNITS_PER_MINUTE), 0);
  const completed = instances.map((instance, index) => instance.completed - (completedBefore[index] ?? 0));
  const accepted = (counts.calls - counts.refused) * UNITS.create;
  const mean = completed.reduce((sum, deliveries) => sum + deliveries, 0) / count;
  return {
    ...setting,
    goodput: accepted / possible,
    rejected: counts.calls === 0 ? 0 : counts.refused / counts.calls,
    fairness: jain(completed),
    slowest: Math.min(...completed) / mean,
    fastest: Math.max(...completed) / mean,
  };
};
