import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { CourierProcess } from '../../local/courier-process.ts';
import { seededRandom } from '../../local/google/random.ts';
import { AUDIENCE, type LedgerChoice, startCourier } from './couriers.ts';
import { driveFaults } from './faults.ts';
import { startGoogleProcess } from './google-process.ts';
import { countMisjudged, judge, type Verdict } from './judge.ts';
import { deliver, type Ended, forEachAtOnce } from './sender.ts';
import { createVersionGates, planUploads } from './loads/uploads.ts';

export interface ChaosPlan {
  uploads: number;
  /** Distinct deliveries. Each upload is a copy of one of them. */
  keys: number;
  processes: number;
  /** How often one of them is killed and restarted while uploads are in progress. */
  kills: number;
  /** The fraction of Drive calls that fail. */
  faults: number;
  seed: number;
  /** False: the folder is in a shared drive that the courier's account is not a member of. Default: true. */
  isMember?: boolean;
  /** Undefined: each process keeps its own. */
  firestoreHost: string | undefined;
  /** The run stops then, even if it is incomplete. */
  seconds: number;
}

export interface ChaosResult extends Verdict {
  /** Receipts whose audit line reports a failure. */
  misjudged: number;
  /** Requests to Drive that were disrupted. */
  injected: number;
  kills: number;
  tries: number;
  seconds: number;
}

const AT_ONCE = 24;
const MAX_TRIES = 60;

/** The processes of a run: the next attempt may use any of them, and one of them is killed now and then. */
export const startFleet = async (start: () => Promise<CourierProcess>, count: number, random: () => number) => {
  const fleet = await Promise.all(Array.from({ length: count }, start));
  const pick = (): number => Math.floor(random() * fleet.length);
  const all = [...fleet];
  return {
    url: (): string => fleet[pick()]?.url ?? '',
    async killOne(): Promise<void> {
      const index = pick();
      await fleet[index]?.kill();
      const next = await start();
      fleet[index] = next;
      all.push(next);
    },
    /** The output of all of them, including the killed ones. */
    lines: (): string[] => all.flatMap(({ lines }) => lines),
    close: () => Promise.all(fleet.map((courier) => courier.kill())),
  };
};

/** One run: many concurrent uploads with faults and kills, followed by a count of what Drive contains. */
export const runChaos = async (plan: ChaosPlan): Promise<ChaosResult> => {
  const startedMs = performance.now();
  const random = seededRandom(plan.seed ^ 0x5eed);
  const ledger: LedgerChoice =
    plan.firestoreHost === undefined
      ? { kind: 'memory' }
      : { kind: 'firestore', host: plan.firestoreHost, collection: `chaos-${randomUUID()}` };
  const google = await startGoogleProcess({ isMember: plan.isMember ?? true });
  let close: () => Promise<unknown> = async () => undefined;
  try {
    const fleet = await startFleet(() => startCourier(google, ledger), plan.processes, random);
    close = fleet.close;
    const token = await google.idToken(google.callerEmail, AUDIENCE);
    if (plan.faults > 0) await google.addFaults(driveFaults(plan.faults, plan.seed));
    const signal = AbortSignal.timeout(plan.seconds * 1_000);
    const ends: Ended[] = [];
    let kills = 0;

    /** Kills are spread evenly over the uploads. */
    const killsDue = (uploads: number): number => Math.floor((uploads * (plan.kills + 1)) / plan.uploads);

    /** Each one after a short pause, so that it interrupts work in any state. */
    const killAlong = async (): Promise<void> => {
      while (kills < plan.kills) {
        if (killsDue(ends.length) > kills) {
          await sleep(random() * 50);
          await fleet.killOne();
          kills += 1;
        } else await sleep(5, undefined, { signal });
      }
    };

    let begun = 0;
    /** Uploads do not run ahead of the kills that should interrupt them. */
    const untilDue = async (): Promise<void> => {
      begun += 1;
      const due = Math.min(plan.kills, killsDue(begun - AT_ONCE) - 1);
      while (kills < due) await sleep(20, undefined, { signal });
    };

    const uploads = planUploads(plan);
    const gates = createVersionGates();
    const options = { courierUrl: fleet.url, token, maxTries: MAX_TRIES, signal };
    const sendAll = forEachAtOnce(uploads, AT_ONCE, async (upload) => {
      await gates.before(upload);
      await untilDue();
      ends.push(await deliver(upload, options));
      gates.after(upload);
    });
    await Promise.all([sendAll, killAlong()]);
    const injected = await google.clearFaults();
    return {
      ...(await judge(google, google.places.sharedDriveFolder, ends)),
      misjudged: countMisjudged(fleet.lines(), ends),
      injected,
      kills,
      tries: ends.reduce((sum, { tries }) => sum + tries, 0),
      seconds: (performance.now() - startedMs) / 1_000,
    };
  } finally {
    await close();
    await google.close();
  }
};

const MUST_NOT_BE = [
  ...(['lost', 'doubled', 'corrupt', 'untrue', 'overtaken', 'contradicted', 'misjudged', 'orphaned'] as const),
];

/** The violations of a run; empty if there are none. */
export const faultsOf = (result: ChaosResult, plan: ChaosPlan): string[] => {
  const faults: string[] = [];
  for (const name of MUST_NOT_BE) {
    if (result[name] > 0) faults.push(`${name}: ${result[name]}`);
  }
  if (result.delivered + result.refused !== plan.uploads) faults.push('uploads that were never answered');
  if (result.kills !== plan.kills) faults.push(`only ${result.kills} of ${plan.kills} kills`);
  // Without faults on the way to Drive there is no reason to reject anything.
  if (plan.faults === 0 && result.refused > 0) faults.push(`refused: ${result.refused}`);
  if (result.refused === 0 && result.files !== result.names)
    faults.push(`${result.files} files for ${result.names} names`);
  if (result.refused === 0 && result.unclaimed > 0) faults.push(`${result.unclaimed} files that no receipt names`);
  return faults;
};
