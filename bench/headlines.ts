import { type Report, shown } from './figures.ts';

/** The ratios that README shows: their wording, and the bound of the report that contains the figure. */
export const HEADLINES: readonly (readonly [words: string, bound: string])[] = [
  [
    'Time from process start to the first delivered file, compared with a “hello world” function',
    'courier, service: times hello world',
  ],
  ['CPU time per 10 KiB file, compared with Google’s sample code', 'courier, service: CPU times samples'],
  ['Throughput of a 1 GiB file, compared with a pipe that only forwards it', 'speed over the bare pipe'],
  ['Peak memory for a 5 GiB file, compared with a 512 MiB file', 'peak memory of 5120 over 512 MiB'],
];

/** @throws if a report lacks one of the figures */
export const headlineTable = (reports: readonly Report[]): string => {
  const bounds = reports.flatMap((report) => report.bounds);
  const rows = HEADLINES.map(([words, name]) => {
    const bound = bounds.find(({ what }) => what === name);
    if (bound === undefined) throw new Error(`README shows "${name}", which was not measured.`);
    return `| ${words} | ${shown(bound.value)} |`;
  });
  return ['| measured | ratio |', '| --- | ---: |', ...rows].join('\n');
};
