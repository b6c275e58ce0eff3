import { parseScenario, type Scenario, withCaller } from './scenario.ts';

/** Two callers, often with the same Idempotency-Key. */
export const CALLER_SCENARIOS: readonly Scenario[] = [
  'k1:A:new:small:plain:p1:2,k1@b:A:new:small:plain:p1:2;;none;',
  'k1:A:replace:small:plain:p1:2,k1@b:A:replace:small:plain:p2:2;;none;',
  'k1:A:replace:small:plain:p1:2,k1@b:B:replace:small:plain:p2:2;;hand;',
  'k1:A:replace:large:push:p1:2,k1@b:B:replace:large:push:p2:2,k1:A:replace:large:push:p3:2;;delivered;',
  'k1:A:skip:small:plain:p1:2,k1@b:B:skip:small:plain:p1:2;;none;',
  'k1:A:new:sheet:plain:p1:2,k1@b:A:new:sheet:plain:p2:2;;none;',
  'k1:A:replace:sheet:plain:p1:2,k1@b:B:replace:sheet:plain:p2:2;;none;',
  '-:A:replace:small:plain:p1:1,-@b:B:replace:small:plain:p2:1;;hand;',
  // Upload sessions. Each caller also tries to complete those of the other.
  'k1:A:new:small:upload:p1:2,k1@b:A:new:small:upload:p1:2;;none;',
  'k1:A:replace:small:upload:p1:2,k1@b:B:replace:small:upload:p2:2;;none;',
  'k1:A:replace:small:upload:p1:2,k1@b:B:replace:small:blind:p2:2,k1:A:replace:small:upload:p3:2;;hand;',
  'k1:A:replace:small:upload:p1:2,k1@b:A:replace:small:plain:p2:2;trash;delivered;',
  'k1:A:replace:small:upload:p1:2,k1@b:B:replace:small:upload:p2:2;delete;none;',
  'k1:A:fail:small:upload:p1:2,k1@b:A:fail:small:upload:p2:2;;none;',
  '-:A:new:small:upload:p1:1,-@b:A:new:small:upload:p2:1;;none;',
  // What one caller delivers does not count towards the limits of the other.
  'k1:A:replace:small:plain:p1:2,k1@b:B:replace:small:plain:p1:2;;none;;limits',
  'k1:A:replace:small:upload:p1:2,k1@b:B:replace:small:upload:p1:2,k2:C:new:small:plain:p1:2;;none;;limits',
  'k1:ABC:replace:small:zip:p1:2,k1@b:CD:replace:small:zip:p1:2;;none;;limits',
].map(parseScenario);

/** Gives some deliveries of a scenario to a second caller, which may have chosen the same key as the first. */
export const withCallers = (scenario: Scenario, random: () => number): Scenario => ({
  ...scenario,
  deliveries: scenario.deliveries.map((spec, at) => {
    if (at === 0 || random() < 0.5) return spec;
    const key = random() < 0.5 ? scenario.deliveries[0]?.key : spec.key;
    return { ...spec, caller: 'b', key: key === undefined ? undefined : withCaller(key, 'b') };
  }),
});
