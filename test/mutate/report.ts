import type { Mutant } from './mutants/mutants.ts';
import type { Outcome, Verdict } from './runs/verdicts.ts';

export interface Judged {
  mutant: Mutant;
  verdict: Verdict;
}

export interface Score {
  total: number;
  killed: number;
  /** The killed ones whose tests timed out. */
  timeouts: number;
  survivors: Judged[];
  /** The percentage of killed ones. */
  percent: number;
}

const LIVES: ReadonlySet<Outcome> = new Set(['survived', 'unreached']);

export const scoreOf = (judged: readonly Judged[]): Score => {
  const survivors = judged.filter(({ verdict }) => LIVES.has(verdict.outcome));
  const killed = judged.length - survivors.length;
  return {
    total: judged.length,
    killed,
    timeouts: judged.filter(({ verdict }) => verdict.outcome === 'timeout').length,
    survivors,
    percent: judged.length === 0 ? 100 : (100 * killed) / judged.length,
  };
};

const MAX_SHOWN = 100;

const shown = (text: string): string => JSON.stringify(text.length > MAX_SHOWN ? `${text.slice(0, MAX_SHOWN)}…` : text);

/** `src/drive/upload/verify.ts:48 comparison: "===" -> "!==" in verify > fits` */
export const nameOf = ({ file, line, operator, before, after, within }: Mutant): string =>
  `${file}:${line} ${operator}: ${shown(before)} -> ${shown(after)}${within === '' ? '' : ` in ${within}`}`;

const roomOf = ({ file }: Mutant): string => file.slice(0, file.lastIndexOf('/'));

/** One line for each folder: mutants, killed, percent. */
const tableOf = (judged: readonly Judged[]): string[] => {
  const rooms = Map.groupBy(judged, ({ mutant }) => roomOf(mutant));
  return [...rooms]
    .sort(([one], [other]) => one.localeCompare(other))
    .map(([room, mutants]) => {
      const { total, killed, percent } = scoreOf(mutants);
      return `  ${room.padEnd(24)} ${String(total).padStart(5)} mutants ${String(killed).padStart(5)} killed  ${percent.toFixed(1).padStart(5)} %`;
    });
};

export const reportOf = (judged: readonly Judged[], floor: number): string[] => {
  const { total, killed, timeouts, survivors, percent } = scoreOf(judged);
  const lived = survivors.map(
    ({ mutant, verdict }) =>
      `  ${verdict.outcome === 'unreached' ? 'UNREACHED' : 'SURVIVED '} ${nameOf(mutant)}\n            ${mutant.text}`,
  );
  return [
    ...tableOf(judged),
    ...(lived.length === 0 ? [] : ['', 'Survivors:', ...lived]),
    '',
    `score ${percent.toFixed(1)} % (${killed} of ${total} mutants killed, ${timeouts} of them by a time limit; floor ${floor} %)`,
  ];
};
