import { parseArgs } from 'node:util';
import { missed } from './bounds.ts';
import { type Outcome, simulate } from './simulate.ts';

const HELP = `Usage: npm run simulate -- [options]

Simulates many instances that share the quota of one Drive account without knowing of each other, in simulated time: the
courier's own transport, Drive client and pacing, against the local Google's quota. Prints a table; the exit code is 1
where goodput, rejected calls or fairness miss their bounds.

  --minutes M         simulated minutes (default 20)
  --instances N,N     default 1,10,100
  --load L,L          deliveries offered, as multiples of the quota (default 0.5,1,3)
  --start-minutes M   instances start one after another over this time (default 0: all at once)
  --unpaced           without pacing, to compare
  --seed N            default 1
`;

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '20' },
    instances: { type: 'string', default: '1,10,100' },
    load: { type: 'string', default: '0.5,1,3' },
    'start-minutes': { type: 'string', default: '0' },
    seed: { type: 'string', default: '1' },
    unpaced: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});

const numbers = (text: string): number[] => text.split(',').map(Number);
const percent = (fraction: number): string => `${(fraction * 100).toFixed(1)} %`;
const row = ({ instances, load, goodput, rejected, fairness, slowest, fastest }: Outcome): string =>
  `| ${instances} | ${load} × | ${percent(goodput)} | ${percent(rejected)} | ${fairness.toFixed(3)} | ${slowest.toFixed(2)} to ${fastest.toFixed(2)} |`;

if (values.help) {
  console.log(HELP);
} else {
  console.log(`| instances | load | goodput | rejected calls | Jain's index | slowest to fastest instance |
| ---: | ---: | ---: | ---: | ---: | ---: |`);
  const faults: string[] = [];
  const [minutes, startMinutes, seed] = [values.minutes, values['start-minutes'], values.seed].map(Number);
  for (const instances of numbers(values.instances)) {
    for (const load of numbers(values.load)) {
      const setting = { instances, load, minutes: minutes ?? 20, startMinutes: startMinutes ?? 0, seed: seed ?? 1 };
      const paced = !values.unpaced;
      const outcome = await simulate({ ...setting, paced });
      console.log(row(outcome));
      faults.push(...missed(outcome).map((fault) => `${instances} instances, load ${load}: ${fault}`));
    }
  }
  if (faults.length > 0) console.error(faults.join('\n'));
  process.exitCode = faults.length > 0 ? 1 : 0;
}
