import { MAX_ENTRIES } from './archive-entries.ts';
import { parseScenario, type Scenario } from './scenario.ts';

/** Archives that the courier unpacks. */
export const ARCHIVE_SCENARIOS: readonly Scenario[] = [
  // Copies of one archive.
  'k1:AB:new:small:zip:p1:2,k1:AB:new:small:zip:p2:2;;none;',
  'k1:AB:replace:small:zip:p1:2,k1:AB:replace:small:zip:p1:2;;none;',
  'k1:AB:replace:small:zip:p1:2,k1:AB:replace:small:zip:p2:2;;hand;',
  'k1:AAA:replace:small:zip:p1:2,k1:AAA:replace:small:zip:p2+5m:2;;none;sub',
  'k1:AB:replace:large:zip:p1:2,k1:AB:replace:large:zip:p2:2;;delivered;',
  // Another key, other content, another caller.
  'k1:AB:replace:small:zip:p1:2,k2:CD:replace:small:zip:p2:2;;none;',
  'k1:AB:replace:small:zip:p1:2,k2:BA:replace:small:zip:p2:2,k1:AB:replace:small:zip:p3:2;;delivered;',
  'k1:AB:replace:small:zip:p1:2,k1:AC:replace:small:zip:p2:2;;none;',
  'k1:AB:new:small:zip:p1:2,k1:A:new:small:zip:p2:2;;none;',
  'k1:AB:replace:small:zip:p1:2,k1@b:CD:replace:small:zip:p2:2;;none;',
  'k1:AB:skip:small:zip:p1:2,k2:CD:skip:small:zip:p2:2;;none;',
  '-:AB:replace:small:zip:p1:1,k2:CD:replace:small:zip:p2:2;;hand;',
  // An entry and a file of the same name.
  'k1:AB:replace:small:zip:p1:2,k1:C:replace:small:plain:p2:2;;none;',
  'k1:AB:replace:small:zip:p1:2,k2:C:replace:small:upload:p2:2;;hand;',
  // A person changes the file of an entry.
  'k1:AB:replace:large:zip:p1:2;rename;hand;',
  'k1:AB:replace:small:zip:p1:2;edit,trash;none;',
  'k1:AB:new:small:zip:p1:2;move;none;',
  'k1:AB:replace:small:zip:p1:2;delete;none;',
  'k1:AB:replace:small:zip:p1:2;put;none;',
  'k1:AB:replace:small:zip:p1:2;trash-folder;none;',
  'k1:AB:new:small:zip:p1:2,k1:AB:new:small:zip:p2:2;trash-folder;none;sub',
  // Drive's search finds new files late; files are read-only.
  'k1:AB:replace:small:zip:p1:2,k2:CD:replace:small:zip:p2:2;;none;;lag',
  'k1:AB:replace:small:zip:p1:2,k2:CD:replace:small:zip:p2:2;;delivered;;read-only',
  // The caller's limits allow one entry after another only.
  'k1:AB:replace:small:zip:p1:2,k1:AB:replace:small:zip:p1:2;trash;delivered;;limits',
].map(parseScenario);

const letter = (random: () => number): string => 'ABCD'[Math.floor(random() * 4)] ?? 'A';

/** Sends most files of a scenario in archives. Their other entries are the same in most of them. */
export const withArchives = (scenario: Scenario, random: () => number): Scenario => {
  if (scenario.deliveries.some(({ size }) => size === 'sheet')) return scenario;
  const rest = Array.from({ length: 1 + Math.floor(random() * (MAX_ENTRIES - 1)) }, () => letter(random)).join('');
  return {
    ...scenario,
    deliveries: scenario.deliveries.map((spec) => {
      if (random() < 0.2) return spec;
      const more = random() < 0.7 ? rest : letter(random);
      return { ...spec, way: 'zip', bytes: `${spec.bytes}${more}` };
    }),
  };
};
