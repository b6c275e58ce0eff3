import type { Decide, Decision, Step } from '../actors/actors.ts';
import { type Courier, startCourier } from '../actors/courier.ts';
import type { LocalDrive } from '../actors/local-drive.ts';
import { isMistakeOfRows } from '../invariants/rows-answers.ts';
import { runPerson } from '../actors/person.ts';
import { createSender, type Sender } from '../actors/senders.ts';
import type { Ending, Violation } from '../monitor.ts';
import { type DeliverySpec, type Deviation, hasRows, type Scenario, skewOf } from '../scenario.ts';
import { openWorld, type World } from '../world.ts';
import type { VirtualClock } from './clock.ts';

/** The result of running one schedule. */
export interface ScheduleRun {
  scenario: Scenario;
  /** The choices that differ from the default, in order. They define the schedule. */
  deviations: Deviation[];
  /** All decisions of the run, with the number of deviations before each. */
  decisions: (Decision & { after: number })[];
  steps: Step[];
  violations: Violation[];
}

/**
 * Attempts after the faults have ended. An id whose file was permanently deleted is used for two minutes more, and only the
 * attempt after that takes another one.
 */
const FAULT_FREE_TRIES = 12;

const BASE: DeliverySpec = {
  ...{ key: 'k0', caller: '', bytes: 'O', rule: 'replace', size: 'small', way: 'plain', process: 'p0', tries: 1 },
};

/** One process per name, restarted when it has died. */
const createCouriers = (world: World) => {
  const running = new Map<string, Courier>();
  let count = 0;
  return (name: string): Courier => {
    const known = running.get(name);
    if (known?.process.alive) return known;
    count += 1;
    const started = startCourier(world, `${name}.${count}`, skewOf(name));
    running.set(name, started);
    return started;
  };
};

const say = (world: World, work: () => Promise<void>): void => {
  work().catch((error: unknown) => {
    world.monitor.violations.push({
      invariant: 'X',
      what: String((error as Error).stack),
      step: world.scheduler.steps.length,
    });
  });
};

const isReceipt = (ending: Ending | undefined): boolean => ending?.kind === 'receipt';

const usual: Decide = () => undefined;

/**
 * Runs one schedule, starting with an empty folder: first with the choices of the schedule, then without faults until each
 * delivery is answered, then each delivery with a key once more.
 * @param keepGoing continue after the first violation
 */
export const runSchedule = async (
  means: { clock: VirtualClock; drive: LocalDrive; hasBrokenLedger?: boolean },
  scenario: Scenario,
  choose: Decide,
  keepGoing = false,
): Promise<ScheduleRun> => {
  const world = openWorld(scenario, means);
  const { scheduler, monitor } = world;
  const ran: ScheduleRun = {
    scenario,
    deviations: [],
    decisions: [],
    steps: scheduler.steps,
    violations: monitor.violations,
  };
  const isOver = (): boolean => !keepGoing && monitor.violations.length > 0;
  const decide: Decide = (decision) => {
    ran.decisions.push({ ...decision, after: ran.deviations.length });
    const choice = choose(decision);
    if (choice === undefined || !decision.alternatives.includes(choice)) return undefined;
    ran.deviations.push({ anchor: decision.anchor, choice });
    return choice;
  };

  const courier = createCouriers(world);
  const senders: Sender[] = scenario.deliveries.map((spec, index) => {
    const actor = scheduler.addActor(`d${index + 1}`, { key: spec.key });
    return createSender(world, { actor, spec, courier });
  });
  const person = scheduler.addActor('person', { isPassive: true });
  person.finished = true;
  for (const { actor } of senders) actor.finished = true;

  // An unhandled rejection ends a server process and all its requests in progress.
  const onUnhandled = (error: unknown): void => {
    const what = `a rejection that nobody handles: ${String((error as Error).stack)}`;
    monitor.violations.push({ invariant: 'X', what, step: scheduler.steps.length });
  };
  process.on('unhandledRejection', onUnhandled);

  const phase = async (decideNow: Decide): Promise<void> => {
    try {
      await scheduler.run(decideNow, isOver);
    } catch (error) {
      monitor.violations.push({ invariant: 'X', what: String((error as Error).stack), step: scheduler.steps.length });
    }
  };

  if (scenario.base === 'hand' || scenario.base === 'spreadsheet') {
    say(world, () => runPerson(world, person, hasRows(scenario) ? ['put', 'type-row'] : ['put']));
  }
  if (scenario.base === 'delivered') {
    const size = scenario.deliveries.every((spec) => spec.size === 'sheet') ? 'sheet' : 'small';
    const spec: DeliverySpec = hasRows(scenario) ? { ...BASE, rule: 'append', size: 'rows' } : { ...BASE, size };
    const actor = scheduler.addActor('base', { key: spec.key });
    const sender = createSender(world, { actor, spec, courier });
    say(world, () => sender.send(1));
  }
  await phase(usual);

  world.isFaultFree = false;
  person.finished = false;
  say(world, () => runPerson(world, person, scenario.person));
  for (const sender of senders) say(world, () => sender.send(sender.spec.tries));
  await phase(decide);

  /** Sends without faults until there is a final response. */
  const finish = async (sender: Sender, isReplay: boolean): Promise<void> => {
    say(world, () => sender.send(FAULT_FREE_TRIES, isReplay));
    await phase(usual);
    if (sender.isAnswered() || isOver()) return;
    const { name } = sender.actor;
    const last = monitor.attempts.findLast(({ actor, ending }) => actor.split('.')[0] === name && !isReceipt(ending));
    const error = last?.ending?.kind === 'error' ? last.ending.error : undefined;
    // A spreadsheet that a person has removed is missing until another person restores it.
    if (error !== undefined && hasRows(scenario) && isMistakeOfRows({ scenario }, error.code)) return;
    const why = error?.message ?? last?.ending?.kind;
    const what = `${sender.spec.key} of ${sender.actor.name} is not answered after ${FAULT_FREE_TRIES} tries: ${why}`;
    monitor.violations.push({ invariant: 'I6', what, step: scheduler.steps.length });
  };
  world.isFaultFree = true;
  const keyed = senders.filter(({ spec }) => spec.key !== undefined);
  for (const sender of keyed) if (!sender.isAnswered() && !isOver()) await finish(sender, false);
  for (const sender of keyed) if (!isOver()) await finish(sender, true);
  if (!isOver()) world.checkEnd();
  process.off('unhandledRejection', onUnhandled);
  world.close();
  return ran;
};

/** Makes the choices of a schedule, and the default choice everywhere else. */
export const followSchedule = (deviations: readonly Deviation[]): Decide => {
  const waiting = [...deviations];
  return ({ anchor }) => {
    const at = waiting.findIndex((next) => next.anchor === anchor);
    return at < 0 ? undefined : waiting.splice(at, 1)[0]?.choice;
  };
};
