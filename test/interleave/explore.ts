import type { Decide } from './actors.ts';
import type { VirtualClock } from './clock.ts';
import type { LocalDrive } from './local-drive.ts';
import { following, type Ran, runSchedule } from './run-schedule.ts';
import type { Deviation, Scenario } from './scenario.ts';

/** Where schedules are run. */
export interface Stage {
  clock: VirtualClock;
  /** A Drive to run one schedule in. */
  drive(): LocalDrive;
  /** The ledger grants every claim: a courier that the checker must find fault with. */
  isForgetful: boolean;
}

/** Runs one schedule on a stage. */
export const runOn = (stage: Stage, scenario: Scenario, decide: Decide, keepGoing = false): Promise<Ran> =>
  runSchedule({ ...stage, drive: stage.drive() }, scenario, decide, keepGoing);

/** Does something unusual so often, on average. */
const DEVIATIONS_WANTED = 2.5;
const MAX_DEVIATIONS = 6;
/** Most calls have more faults than there are others to go on: half of the deviations are switches all the same. */
const SWITCHES = 0.5;

const pick = <Item>(items: readonly Item[], random: () => number): Item | undefined =>
  items[Math.floor(random() * items.length)];

/** A schedule drawn by chance. @param length about how many decisions a run has */
export const byChance = (random: () => number, length: number): Decide => {
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

/** The schedules that differ from one that was run by one deviation more, after its last one. */
const furtherThan = ({ deviations, decisions }: Ran): Deviation[][] =>
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
 * Every schedule of a scenario up to so many deviations; when time is up before that, those that were drawn first.
 * @param isOver asked before each run
 */
export const exploreAll = async (
  stage: Stage,
  scenario: Scenario,
  {
    depth,
    random,
    isOver,
    told,
  }: { depth: number; random: () => number; isOver(): boolean; told(ran: Ran): Promise<void> },
): Promise<{ runs: number; isComplete: boolean }> => {
  let level: Deviation[][] = [[]];
  let runs = 0;
  for (let depthNow = 0; depthNow <= depth; depthNow++) {
    const next: Deviation[][] = [];
    while (level.length > 0) {
      if (isOver()) return { runs, isComplete: false };
      const deviations = pull(level, random);
      const ran = await runOn(stage, scenario, following(deviations));
      runs += 1;
      await told(ran);
      // What comes after a violation is nothing that can be judged.
      if (ran.violations.length === 0 && depthNow < depth) next.push(...furtherThan(ran));
    }
    level = next;
  }
  return { runs, isComplete: true };
};

/** A shorter schedule, and a smaller scenario, that show the same violation. */
export const shrink = async (stage: Stage, failed: Ran): Promise<Ran> => {
  const invariant = failed.violations[0]?.invariant;
  let best = failed;
  const tries = async (scenario: Scenario, deviations: readonly Deviation[]): Promise<boolean> => {
    const ran = await runOn(stage, scenario, following(deviations));
    if (ran.violations[0]?.invariant !== invariant) return false;
    best = ran;
    return true;
  };
  const smaller = (scenario: Scenario): Scenario[] => {
    const { deliveries, person, base, path, lag } = scenario;
    const isLarge = deliveries.some(({ size }) => size === 'large');
    const small = deliveries.map((spec) => (spec.size === 'large' ? { ...spec, size: 'small' as const } : spec));
    return [
      ...(deliveries.length > 1 ? [{ ...scenario, deliveries: deliveries.slice(0, -1) }] : []),
      ...person.map((_, at) => ({ ...scenario, person: person.toSpliced(at, 1) })),
      ...(base === 'none' ? [] : [{ ...scenario, base: 'none' as const }]),
      ...(path === '' ? [] : [{ ...scenario, path: '' }]),
      ...(lag ? [{ ...scenario, lag: false }] : []),
      ...deliveries.flatMap((spec, at) =>
        spec.tries > 1 ? [{ ...scenario, deliveries: deliveries.with(at, { ...spec, tries: 1 }) }] : [],
      ),
      ...(isLarge ? [{ ...scenario, deliveries: small }] : []),
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
