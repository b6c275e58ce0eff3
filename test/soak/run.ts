import { setTimeout as sleep } from 'node:timers/promises';
import { seededRandom } from '../../local/google/random.ts';
import { MEBIBYTE, startBadDay } from '../bad-days/bad-day.ts';
import { driveFaults } from '../chaos/faults.ts';
import { type OperationResult, createCallers, type Operation, SUBSCRIPTION } from './callers.ts';
import { type Holding, INSPECTED, inspect } from './inspector.ts';
import { judge, type Row } from './judge.ts';

export interface SoakPlan {
  minutes: number;
  seed: number;
  /** The fraction of Drive calls that fail. */
  faults: number;
  /** The number of concurrent callers. */
  lanes: number;
  /** How often the process is inspected. */
  samples: number;
  /** Node options for the courier, for a run that must detect a leak. */
  nodeOptions?: readonly string[];
  onSample?(sample: Holding, turns: number): void;
}

export interface SoakResult {
  rows: Row[];
  samples: readonly Holding[];
  /** By operation: how often each response occurred. */
  answers: ReadonlyMap<string, ReadonlyMap<string, number>>;
  /** Unexpected responses. */
  wrong: readonly string[];
  injected: number;
  /** The exit code at the end. */
  code: number | null;
}

/** Transient errors, which the faults on the way to Drive cause. */
const TRANSIENT_STATUSES = new Set([429, 503]);
const FILES_KEPT = 50;
const BUFFER_BYTES = 8 * MEBIBYTE;

const violationOf = (
  { refused, mayBe = [] }: Operation,
  { status, code, wrong }: OperationResult,
): string | undefined => {
  if (wrong !== undefined) return wrong;
  const isExpected =
    refused === undefined ? status < 300 || (code !== undefined && mayBe.includes(code)) : code === refused;
  return isExpected || TRANSIENT_STATUSES.has(status) ? undefined : `${status} ${code ?? ''}`.trim();
};

/** Returns the name of the next operation: all of them in turn, in a new random order each time. */
const createOperationOrder = (operations: Readonly<Record<string, Operation>>, random: () => number) => {
  let left: string[] = [];
  return (): string => {
    if (left.length === 0) {
      left = Object.keys(operations)
        .map((name) => ({ name, at: random() }))
        .sort((a, b) => a.at - b.at)
        .map(({ name }) => name);
    }
    return left.pop() ?? '';
  };
};

/** Runs all operations against one courier process, and inspects its resources now and then while it is idle. */
export const runSoak = async (plan: SoakPlan): Promise<SoakResult> => {
  const { minutes, seed, faults, lanes, onSample } = plan;
  const random = seededRandom(seed);
  const day = await startBadDay();
  try {
    const { google } = day;
    const { emails } = google.world;
    google.drive.setLimits({ unitsPerMinutePerUser: 1e9, unitsPerMinutePerProject: 1e9 });
    const courier = await day.start({
      nodeOptions: [...INSPECTED, ...(plan.nodeOptions ?? [])],
      config: {
        // They are kept once used, so all of them exist before the measuring begins.
        limits: { bufferBytes: BUFFER_BYTES },
        pubsub: {
          subscriptions: { [SUBSCRIPTION]: { serviceAccount: emails.pubsubPush, destinations: ['reports'] } },
          deadLetterTopic: google.topic,
        },
      },
    });
    const inspector = await inspect(courier);
    const { operations, close } = await createCallers({ google, url: courier.url, random });
    if (faults > 0) google.faults.add(driveFaults(faults, seed) as Parameters<typeof google.faults.add>[0]);

    const answers = new Map<string, Map<string, number>>();
    const wrong: string[] = [];
    const files: string[] = [];
    const nextOperation = createOperationOrder(operations, random);
    let turns = 0;
    let resting = false;
    let over = false;
    let working = 0;

    const one = async (): Promise<void> => {
      const name = nextOperation();
      const operation = operations[name] as Operation;
      const result = await operation
        .run(++turns)
        .catch((error: unknown): OperationResult => ({ status: 0, code: undefined, wrong: String(error) }));
      const violation = violationOf(operation, result);
      if (violation !== undefined) wrong.push(`${name}: ${violation}`);
      const kinds = answers.get(name) ?? new Map<string, number>();
      const kind = result.code ?? String(result.status);
      answers.set(name, kinds.set(kind, (kinds.get(kind) ?? 0) + 1));
      if (result.fileId === undefined) return;
      // This prevents the local Google from filling the disk over the hours.
      files.push(result.fileId);
      if (files.length > FILES_KEPT) google.drive.removeFile(files.shift() ?? '');
    };
    const lane = async (): Promise<void> => {
      while (!over) {
        if (resting) await sleep(10);
        else {
          working += 1;
          await one().finally(() => {
            working -= 1;
          });
        }
      }
    };
    const atRest = async (): Promise<void> => {
      resting = true;
      while (working > 0) await sleep(10);
      // What ends with a response ends a moment after it.
      await sleep(250);
    };

    const work = Promise.all(Array.from({ length: lanes }, lane));
    const samples: Holding[] = [];
    const pauseMs = (minutes * 60_000) / plan.samples;
    while (samples.length < plan.samples) {
      await Promise.race([sleep(pauseMs), work]);
      await atRest();
      const sample = await inspector.measure();
      samples.push(sample);
      onSample?.(sample, turns);
      // As after an hour: every token has expired.
      google.world.expireAccessTokens();
      // Its log is discarded in long runs.
      (courier.lines as string[]).length = 0;
      resting = false;
    }
    over = true;
    await work;
    close();
    inspector.close();
    const injected = google.faults.list().reduce((sum, { fired }) => sum + fired, 0);
    return { rows: judge(samples), samples, answers, wrong, injected, code: await courier.stop() };
  } finally {
    await day.close();
  }
};

/** The violations of a run; empty if all is well. */
export const faultsOf = ({ rows, answers, wrong, injected, code }: SoakResult, { faults }: SoakPlan): string[] => [
  ...rows.filter(({ isFlat }) => !isFlat).map(({ name }) => `${name} grows`),
  ...[...new Set(wrong)].slice(0, 20),
  ...[...answers]
    .filter(([, kinds]) => [...kinds.keys()].every((kind) => /unavailable|busy/.test(kind)))
    .map(([name]) => `${name}: never done`),
  ...(faults > 0 && injected === 0 ? ['no fault was injected on the way to Drive'] : []),
  ...(code === 0 ? [] : [`exit code ${code}`]),
];
