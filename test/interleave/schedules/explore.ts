import type { Decide } from '../actors/actors.ts';
import type { LocalDrive } from '../actors/local-drive.ts';
import type { Deviation, Scenario } from '../scenario.ts';
import type { VirtualClock } from './clock.ts';
import { followSchedule, runSchedule, type ScheduleRun } from './run-schedule.ts';

/** The environment in which schedules run. */
export interface Stage {
  clock: VirtualClock;
  /** The Drive for the next schedule. */
  drive(): LocalDrive;
  /** Grant every claim to everybody, to verify that the checker detects the consequences. */
  hasBrokenLedger: boolean;
}

/** Runs one schedule. */
export const runOn = (stage: Stage, scenario: Scenario, decide: Decide, keepGoing = false): Promise<ScheduleRun> =>
  runSchedule({ ...stage, drive: stage.drive() }, scenario, decide, keepGoing);

/** Deviations per random schedule, on average. */
const DEVIATIONS_WANTED = 2.5;
const MAX_DEVIATIONS = 6;
/** Most decisions offer more faults than other actors, so the share of switches is fixed. */
const SWITCHES = 0.5;

const pick = <Item>(items: readonly Item[], random: () => number): Item | undefined =>
  items[Math.floor(random() * items.length)];

/** Chooses at random. @param length the approximate number of decisions in a run */
export const chooseRandomly = (random: () => number, length: number): Decide => {
  let count = 0;
  return ({ alternatives }) => {
    if (count >= MAX_DEVIATIONS || alternatives.length === 0 || random() > DEVIATIONS_WANTED / length) return undefined;
    count += 1;
    const switches = alternatives.filter((one) => one.startsWith('>'));
    const faults = alternatives.filter((one) => one.startsWith('!'));
    const isSwitch = faults.length === 0 || (switches.length > 0 && random() < SWITCHES);
    return pick(isSwitch ? switches : faults, random);
  };
};

/** All schedules that extend a run by one more deviation after its last one. */
const furtherThan = ({ deviations, decisions }: ScheduleRun): Deviation[][] =>
  decisions
    .filter(({ after }) => after === deviations.length)
    .flatMap(({ anchor, alternatives }) => alternatives.map((choice) => [...deviations, { anchor, choice }]));

const pull = (waiting: Deviation[][], random: () => number): Deviation[] => {
  const at = Math.floor(random() * waiting.length);
  const [taken = []] = waiting.splice(at, 1, waiting.at(-1) ?? []);
  waiting.pop();
  return taken;
};

/**
 * Runs all schedules of a scenario with at most `depth` deviations, in random order within a depth.
 * @param isOver checked before each run
 */
export const exploreExhaustively = async (
  stage: Stage,
  scenario: Scenario,
  {
    depth,
    random,
    isOver,
    report,
  }: { depth: number; random: () => number; isOver(): boolean; report(ran: ScheduleRun): Promise<void> },
): Promise<{ runs: number; isComplete: boolean }> => {
  let level: Deviation[][] = [[]];
  let runs = 0;
  for (let depthNow = 0; depthNow <= depth; depthNow++) {
    const next: Deviation[][] = [];
    while (level.length > 0) {
      if (isOver()) return { runs, isComplete: false };
      const deviations = pull(level, random);
      const ran = await runOn(stage, scenario, followSchedule(deviations));
      runs += 1;
      await report(ran);
      // States after a violation prove nothing.
      if (ran.violations.length === 0 && depthNow < depth) next.push(...furtherThan(ran));
    }
    level = next;
  }
  return { runs, isComplete: true };
};

/** Finds a shorter schedule and a smaller scenario with a violation of the same invariant. */
export const shrink = async (stage: Stage, failed: ScheduleRun): Promise<ScheduleRun> => {
  const invariant = failed.violations[0]?.invariant;
  let best = failed;
  const tries = async (scenario: Scenario, deviations: readonly Deviation[]): Promise<boolean> => {
    const ran = await runOn(stage, scenario, followSchedule(deviations));
    if (ran.violations[0]?.invariant !== invariant) return false;
    best = ran;
    return true;
  };
  const smaller = (scenario: Scenario): Scenario[] => {
    const { deliveries, person, base, path, lag, isReadOnly, isLimited, acceptsSameIds, settings } = scenario;
    const isLarge = deliveries.some(({ size }) => size === 'large');
    const small = deliveries.map((spec) => (spec.size === 'large' ? { ...spec, size: 'small' as const } : spec));
    const fewer = deliveries.map((spec) => ({
      ...spec,
      bytes: spec.bytes.slice(0, Math.max(1, spec.bytes.length - 1)),
    }));
    return [
      ...(deliveries.length > 1 ? [{ ...scenario, deliveries: deliveries.slice(0, -1) }] : []),
      ...person.map((_, at) => ({ ...scenario, person: person.toSpliced(at, 1) })),
      ...(base === 'none' ? [] : [{ ...scenario, base: 'none' as const }]),
      ...(path === '' ? [] : [{ ...scenario, path: '' }]),
      ...(lag ? [{ ...scenario, lag: false }] : []),
      ...(isReadOnly ? [{ ...scenario, isReadOnly: false }] : []),
      ...(acceptsSameIds ? [{ ...scenario, acceptsSameIds: false }] : []),
      ...(isLimited ? [{ ...scenario, isLimited: false }] : []),
      ...settings.map((_, at) => ({ ...scenario, settings: settings.toSpliced(at, 1) })),
      ...deliveries.flatMap((spec, at) =>
        spec.tries > 1 ? [{ ...scenario, deliveries: deliveries.with(at, { ...spec, tries: 1 }) }] : [],
      ),
      ...(isLarge ? [{ ...scenario, deliveries: small }] : []),
      ...(deliveries.some(({ bytes }) => bytes.length > 1) ? [{ ...scenario, deliveries: fewer }] : []),
    ];
  };
  for (let progress = true; progress; ) {
    progress = false;
    for (let at = 0; at < best.deviations.length; at++) {
      if (await tries(best.scenario, best.deviations.toSpliced(at, 1))) progress = true;
    }
    for (const scenario of smaller(best.scenario)) {
      if (await tries(scenario, best.deviations)) {
        progress = true;
        break;
      }
    }
  }
  return best;
};
