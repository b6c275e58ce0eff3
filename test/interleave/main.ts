import { parseArgs } from 'node:util';
import { seededRandom } from '../../local/google/random.ts';
import { byChance, exploreAll, runOn, shrink } from './explore.ts';
import { byName, NAMED } from './named.ts';
import { describeRun } from './print.ts';
import { following, type Ran } from './run-schedule.ts';
import { parseReplay, parseScenario, replayText, type Scenario, scenarioText } from './scenario.ts';
import { drawScenario, SCENARIOS } from './scenarios.ts';
import { openStage } from './stage.ts';

const HELP = `Usage: npm run interleave -- [options]

Drives deliveries, a person and crashes through chosen orders of their calls to Drive and the ledger, and checks after
every step that nothing is lost, doubled, overwritten or dead. Exit code 1 when an invariant is violated.

  --seed N         which schedules are drawn (default 1)
  --minutes M      for how long (default 1; a fraction is allowed)
  --depth D        of each scenario, all schedules with up to D deviations first (default 1)
  --scenario TEXT  this scenario alone
  --first          end at the first violation
  --schedules N    so many at most
  --replay=TEXT    one schedule, step by step; as a violation prints it
  --forgetful      with a ledger that grants every claim, to see that the checker finds fault with it
  --named          the schedules that once showed a fault, with a line of JSON for each
`;

const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: '1' },
    minutes: { type: 'string', default: '1' },
    depth: { type: 'string', default: '1' },
    scenario: { type: 'string' },
    first: { type: 'boolean', default: false },
    schedules: { type: 'string', default: 'Infinity' },
    replay: { type: 'string' },
    named: { type: 'boolean', default: false },
    forgetful: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});

// The schedules have a clock of their own.
const started = performance.now();
const untilMs = started + Number(values.minutes) * 60_000;

const found = new Map<string, Ran>();
let runs = 0;

const replay = async (text: string): Promise<void> => {
  const stage = await openStage(values.forgetful);
  const { scenario, deviations } = parseReplay(text);
  const ran = await runOn(stage, scenario, following(deviations), true);
  console.log(describeRun(ran));
  stage.close();
  process.exitCode = ran.violations.length > 0 ? 1 : 0;
};

/** A schedule that is not followed to its last line proves nothing any more. */
const runNamed = async (): Promise<void> => {
  const stage = await openStage(values.forgetful);
  for (const named of NAMED) {
    const ran = await runOn(stage, named.scenario, byName(named));
    const isFollowed = ran.deviations.length === named.lines.length;
    const violations = ran.violations.map(({ invariant, what }) => `${invariant}: ${what}`);
    const replayed = replayText(ran.scenario, ran.deviations);
    console.log(JSON.stringify({ name: named.name, isFollowed, violations, replay: replayed }));
    if (!isFollowed || violations.length > 0) process.exitCode = 1;
  }
  stage.close();
};

const search = async (): Promise<void> => {
  const stage = await openStage(values.forgetful);
  const random = seededRandom(Number(values.seed));
  const isOver = (): boolean =>
    performance.now() > untilMs || runs >= Number(values.schedules) || (values.first && found.size > 0);

  /** Prints the first of each kind, made short. */
  const told = async (ran: Ran): Promise<void> => {
    runs += 1;
    const [violation] = ran.violations;
    if (violation === undefined) return;
    const kind = `${violation.invariant} ${scenarioText(ran.scenario)}`;
    if (found.has(kind)) return;
    found.set(kind, ran);
    const short = await shrink(stage, ran);
    console.log(`\n${describeRun(short)}\n`);
  };

  const exhaust = (scenario: Scenario) =>
    exploreAll(stage, scenario, { depth: Number(values.depth), random, isOver, told });
  const draw = async (scenario: Scenario, times: number): Promise<void> => {
    let length = 30;
    for (let turn = 0; turn < times && !isOver(); turn++) {
      const ran = await runOn(stage, scenario, byChance(random, length));
      length = Math.max(10, ran.decisions.length);
      await told(ran);
    }
  };

  const chosen = values.scenario === undefined ? SCENARIOS : [parseScenario(values.scenario)];
  // A little of each first, so that a short run has met all of them.
  for (let turn = 0; turn < 10; turn++) for (const scenario of chosen) await draw(scenario, 1);
  for (const scenario of chosen) await exhaust(scenario);
  while (!isOver()) {
    for (const scenario of chosen) await draw(scenario, 20);
    if (values.scenario === undefined) for (let turn = 0; turn < 20; turn++) await draw(drawScenario(random), 20);
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
