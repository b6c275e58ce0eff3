import { parseArgs } from 'node:util';
import { seededRandom } from '../../local/google/random.ts';
import { NAMED } from './named.ts';
import { LATE_REQUESTS } from './named-late.ts';
import { NAMED_ROWS } from './named-rows.ts';
import { followLines } from './named-schedule.ts';
import { describeRun } from './print.ts';
import { parseReplay, parseScenario, replayText, type Scenario, scenarioText } from './scenario.ts';
import { randomScenario, SCENARIOS } from './scenarios.ts';
import { randomRowsScenario } from './rows-scenarios.ts';
import { chooseRandomly, exploreExhaustively, runOn, shrink } from './schedules/explore.ts';
import { followSchedule, type ScheduleRun } from './schedules/run-schedule.ts';
import { SETTING_SCHEDULES } from './setting-schedules.ts';
import { openStage } from './stage.ts';

const HELP = `Usage: npm run interleave -- [options]

A model checker: runs deliveries of files, archives and rows by one or two callers, a person and crashes in many orders of
their calls to Drive, Sheets and the ledger, and checks invariants after each step. The destination has one or two accounts,
and some scenarios have retention or sharing. Each violation is printed as a list of steps, with the option that replays it.
The exit code is 1 if an invariant is violated.

  --minutes M       how long to search (default 1; fractions are allowed)
  --schedules N     how many schedules to run at most
  --seed N          the seed of the random schedules (default 1)
  --depth D         run all schedules of each scenario with up to D deviations (default 1) for at most half of the time
                    or of the schedules, in a random order of the scenarios, then random ones
  --scenario TEXT   search this scenario only
  --kind KIND       search the scenarios of one kind only: files, callers, archives, accounts, keep, share or rows
  --first           stop at the first violation
  --replay=TEXT     run one schedule and print its steps
  --named           run the schedules that violated an invariant before a fix; prints one line of JSON each
  --broken-ledger   use a ledger that grants every claim, to verify that the checker detects it
`;

const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: '1' },
    minutes: { type: 'string', default: '1' },
    depth: { type: 'string', default: '1' },
    scenario: { type: 'string' },
    kind: { type: 'string' },
    first: { type: 'boolean', default: false },
    schedules: { type: 'string', default: 'Infinity' },
    replay: { type: 'string' },
    named: { type: 'boolean', default: false },
    'broken-ledger': { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});

// `Date.now` is replaced by the virtual clock while schedules run.
const started = performance.now();
const untilMs = started + Number(values.minutes) * 60_000;

const found = new Map<string, ScheduleRun>();
let runs = 0;

const replay = async (text: string): Promise<void> => {
  const stage = await openStage(values['broken-ledger']);
  const { scenario, deviations } = parseReplay(text);
  const ran = await runOn(stage, scenario, followSchedule(deviations), true);
  console.log(describeRun(ran));
  stage.close();
  process.exitCode = ran.violations.length > 0 ? 1 : 0;
};

/** If a line of a schedule no longer applies, the schedule no longer tests anything. */
const runNamed = async (): Promise<void> => {
  const stage = await openStage(values['broken-ledger']);
  for (const named of [...NAMED, ...SETTING_SCHEDULES, ...NAMED_ROWS, ...LATE_REQUESTS]) {
    const ran = await runOn(stage, named.scenario, followLines(named));
    const isFollowed = ran.deviations.length === named.lines.length;
    const violations = ran.violations.map(({ invariant, what }) => `${invariant}: ${what}`);
    const replayed = replayText(ran.scenario, ran.deviations);
    console.log(JSON.stringify({ name: named.name, isFollowed, violations, replay: replayed }));
    if (!isFollowed || violations.length > 0) process.exitCode = 1;
  }
  stage.close();
};

const shuffled = <Item>(items: readonly Item[], random: () => number): Item[] =>
  items
    .map((item) => ({ item, place: random() }))
    .sort((one, other) => one.place - other.place)
    .map(({ item }) => item);

const search = async (): Promise<void> => {
  const stage = await openStage(values['broken-ledger']);
  const random = seededRandom(Number(values.seed));
  const isOver = (): boolean =>
    performance.now() > untilMs || runs >= Number(values.schedules) || (values.first && found.size > 0);

  /** Prints the first violation of each invariant in each scenario, after shrinking it. */
  const report = async (ran: ScheduleRun): Promise<void> => {
    runs += 1;
    const [violation] = ran.violations;
    if (violation === undefined) return;
    const kind = `${violation.invariant} ${scenarioText(ran.scenario)}`;
    if (found.has(kind)) return;
    found.set(kind, ran);
    const short = await shrink(stage, ran);
    console.log(`\n${describeRun(short)}\n`);
  };

  // All schedules of all scenarios may take longer than the search, so the random ones get half of it. A search that its number of
  // schedules ends is the same on a fast machine and on a slow one.
  const part = values.scenario === undefined ? 0.5 : 1;
  const exhaustUntilMs = started + part * (untilMs - started);
  const isExhausted = (): boolean =>
    isOver() || performance.now() > exhaustUntilMs || runs >= part * Number(values.schedules);
  const exhaust = (scenario: Scenario) =>
    exploreExhaustively(stage, scenario, { depth: Number(values.depth), random, isOver: isExhausted, report });
  const draw = async (scenario: Scenario, times: number): Promise<void> => {
    let length = 30;
    for (let turn = 0; turn < times && !isOver(); turn++) {
      const ran = await runOn(stage, scenario, chooseRandomly(random, length));
      length = Math.max(10, ran.decisions.length);
      await report(ran);
    }
  };

  const ofKind = Object.entries(SCENARIOS).flatMap(([kind, all]) => (kind === (values.kind ?? kind) ? all : []));
  const chosen = values.scenario === undefined ? ofKind : [parseScenario(values.scenario)];
  if (chosen.length === 0) throw new Error(`there are no scenarios of the kind "${values.kind}"`);
  // A few random schedules of each scenario first, so that a short run covers all scenarios.
  for (let turn = 0; turn < 10; turn++) for (const scenario of chosen) await draw(scenario, 1);
  for (const scenario of shuffled(chosen, random)) await exhaust(scenario);
  while (!isOver()) {
    for (const scenario of chosen) await draw(scenario, 20);
    if (values.scenario === undefined && (values.kind === undefined || values.kind === 'rows')) {
      const drawn = values.kind === 'rows' ? randomRowsScenario : randomScenario;
      for (let turn = 0; turn < 20; turn++) await draw(drawn(random), 20);
    }
  }
  stage.close();
  const seconds = Math.round((performance.now() - started) / 1_000);
  console.log(`${runs} schedules in ${seconds} s with seed ${values.seed}: ${found.size} violations`);
  process.exitCode = found.size > 0 ? 1 : 0;
};

if (values.help) console.log(HELP);
else if (values.named) await runNamed();
else if (values.replay !== undefined) await replay(values.replay);
else await search();
