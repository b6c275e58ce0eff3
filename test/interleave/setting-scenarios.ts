import { parseScenario, SETTINGS, type Scenario } from './scenario.ts';

/** A destination that has two accounts, of which Drive may refuse uploads. */
export const ACCOUNT_SCENARIOS: readonly Scenario[] = [
  'k1:A:new:small:plain:p1:2,k1:A:new:small:plain:p2:2;;none;;accounts+my-drive',
  'k1:A:new:large:push:p1:2,k1:A:new:large:push:p2:2;;none;sub;accounts+my-drive',
  'k1:A:replace:small:plain:p1:2,k1:A:replace:small:plain:p2:2;;none;;accounts+my-drive',
  'k1:A:replace:large:plain:p1:2,k2:B:replace:small:plain:p2:2;;none;;accounts+my-drive',
  'k1:A:replace:small:plain:p1:2,k2:B:replace:small:plain:p2:2,k1:A:replace:small:plain:p3:2;;hand;;accounts+my-drive',
  'k1:A:replace:large:push:p1:2,k2:B:replace:large:push:p2:2,k1:A:replace:large:push:p3:2;;delivered;;accounts+my-drive',
  'k1:A:replace:large:push:p1:2,k1:A:replace:large:push:p2+5m:2;;delivered;;accounts',
  'k1:A:new:small:plain:p1:2,k1:B:new:small:plain:p2:2;;none;;accounts+my-drive',
  'k1:A:new:sheet:plain:p1:2,k1:A:new:sheet:plain:p2:2;;none;;accounts+my-drive',
  'k1:A:replace:sheet:plain:p1:2,k2:B:replace:sheet:plain:p2:2;;delivered;;accounts+my-drive',
  'k1:A:skip:small:plain:p1:2,k2:B:skip:small:plain:p2:2;;none;;accounts',
  '-:A:new:large:plain:p1:1,k2:B:replace:small:plain:p2:2;;none;;accounts+my-drive',
  'k1:A:new:small:upload:p1:2,k1:A:new:small:upload:p2:2;;none;;accounts+my-drive',
  'k1:A:replace:small:upload:p1:2,k2:B:replace:small:upload:p2:2;;hand;;accounts+my-drive',
  'k1:A:replace:small:blind:p1:2,k1:A:replace:small:blind:p2:2;;delivered;;accounts',
  'k1:AB:replace:small:zip:p1:2,k1:AB:replace:small:zip:p2:2;;none;;accounts+my-drive',
  'k1:A:replace:small:plain:p1:2,k2:B:replace:small:plain:p2:2;;delivered;;read-only+accounts+my-drive',
  'k1:A:replace:large:push:p1:2;move;hand;;accounts+my-drive',
  'k1:A:replace:large:push:p1:2;trash;delivered;;accounts',
  'k1:A:replace:small:plain:p1:2,k2:B:replace:small:plain:p2:2;;delivered;;lag+accounts',
].map(parseScenario);

/** A destination that keeps only the newest file. */
export const KEEP_SCENARIOS: readonly Scenario[] = [
  'k1:A:new:small:plain:p1:2,k2:B:new:small:plain:p2:2;;none;;keep',
  'k1:A:new:small:plain:p1:2,k2:B:new:small:plain:p2:2,k3:C:new:small:plain:p1:2;;delivered;;keep',
  'k1:A:new:small:plain:p1:2,k1:A:new:small:plain:p2:2;;delivered;;keep',
  'k1:A:new:small:plain:p1:2,k2:B:replace:small:plain:p2:2;;delivered;;keep',
  'k1:A:new:large:push:p1:2,k2:B:replace:large:push:p2:2,k2:B:replace:large:push:p3:2;;delivered;;keep',
  'k1:A:new:small:plain:p1:2,k2:B:replace:small:upload:p2:2;;delivered;;keep',
  'k1:A:new:small:upload:p1:2,k2:B:new:small:upload:p2:2;;none;;keep',
  'k1:A:new:small:upload:p1:2,k1:A:new:small:upload:p2:2,k2:B:new:small:plain:p2:2;;none;;keep',
  'k1:A:new:sheet:plain:p1:2,k2:B:replace:sheet:plain:p2:2;;delivered;;keep',
  '-:A:new:small:plain:p1:1,-:B:replace:small:plain:p2:1;;delivered;;keep',
  'k1:AB:new:small:zip:p1:2,k2:CD:new:small:zip:p2:2;;none;;keep',
  'k1:A:new:small:plain:p1:2,k2:B:new:small:plain:p2:2;edit,move;delivered;;keep',
  'k1:A:new:small:plain:p1:2,k2:B:new:small:plain:p2:2;trash,untrash;delivered;sub;keep',
  'k1:A:new:small:plain:p1:2,k2:B:replace:small:plain:p2:2;put;none;;keep',
  'k1:A:new:small:plain:p1:2,k2:B:replace:small:plain:p2:2;rename;hand;;keep',
  'k1:A:new:small:plain:p1:2,k2:B:new:small:plain:p2:2;delete;delivered;;keep',
  'k1:A:new:small:plain:p1:2,k2:B:new:small:plain:p2:2;;delivered;;lag+keep',
  'k1:A:new:small:plain:p1:2,k2:B:replace:small:plain:p2:2;;delivered;;read-only+keep',
  'k1:A:new:small:plain:p1:2,k2:B:new:small:plain:p2:2;;delivered;;accounts+my-drive+keep',
].map(parseScenario);

/** A destination that shares its new files. */
export const SHARE_SCENARIOS: readonly Scenario[] = [
  'k1:A:new:small:plain:p1:2,k1:A:new:small:plain:p2:2;;none;;share',
  'k1:A:new:large:push:p1:2,k1:A:new:large:push:p2:2;unshare;none;;share',
  'k1:A:replace:small:plain:p1:2,k2:B:replace:small:plain:p2:2;;none;;share',
  'k1:A:replace:large:push:p1:2,k2:B:replace:large:push:p2:2,k1:A:replace:large:push:p3:2;;none;;share',
  'k1:A:replace:small:plain:p1:2,k2:B:replace:small:plain:p2:2;unshare;hand;;share',
  'k1:A:replace:small:plain:p1:2,k1:A:replace:small:plain:p2:2;unshare;delivered;;share',
  'k1:A:new:sheet:plain:p1:2,k1:A:new:sheet:plain:p2:2;;none;;share',
  'k1:A:replace:sheet:plain:p1:2,k2:B:replace:sheet:plain:p2:2;unshare;none;;share',
  'k1:A:new:small:upload:p1:2,k1:A:new:small:upload:p2:2;unshare;none;;share',
  'k1:A:replace:small:upload:p1:2,k2:B:replace:small:plain:p2:2;;none;;share',
  'k1:AB:new:small:zip:p1:2,k1:AB:new:small:zip:p2:2;;none;;share',
  'k1:A:skip:small:plain:p1:2,k2:B:skip:small:plain:p2:2;unshare;none;;share',
  'k1:A:new:small:plain:p1:2,k1:A:new:small:plain:p2:2;unshare;none;;read-only+share',
  'k1:A:new:small:plain:p1:2,k1:A:new:small:plain:p2:2;unshare;none;;accounts+my-drive+share',
  'k1:A:new:small:plain:p1:2,k2:B:new:small:plain:p2:2;unshare;none;;keep+share',
].map(parseScenario);

/** Gives the destination of a scenario some settings. */
export const withSettings = (scenario: Scenario, random: () => number): Scenario => ({
  ...scenario,
  settings: SETTINGS.filter(() => random() < 0.4),
});
