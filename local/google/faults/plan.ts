import { z } from 'zod';
import { seededRandom } from '../random.ts';

const bytes = z.int().min(0);

/** What goes wrong. */
const faultSchema = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('status'),
    status: z.int().min(400).max(599),
    /** Drive's `reason`, e.g. `rateLimitExceeded`. */
    reason: z.string().optional(),
    message: z.string().optional(),
    retryAfterSeconds: z.int().min(0).optional(),
    /** Instead of Google's JSON form. */
    body: z.string().optional(),
  }),
  z.strictObject({ kind: z.literal('delay'), ms: z.int().min(0).max(600_000) }),
  /** The connection breaks before the body is read, after `afterBytes` of it, or after all of it; nothing has had an effect unless the service stores what came. */
  z.strictObject({
    kind: z.literal('reset'),
    when: z.enum(['before', 'during', 'after']),
    afterBytes: bytes.default(0),
  }),
  /** All is done as asked, and the connection breaks instead of the answer. */
  z.strictObject({ kind: z.literal('answer-lost') }),
  /** The connection breaks after so many bytes of the answer's body. */
  z.strictObject({ kind: z.literal('answer-cut'), afterBytes: bytes }),
  /** An upload chunk of which only the first bytes are kept. */
  z.strictObject({ kind: z.literal('partial'), storeAtMostBytes: bytes }),
  /** The upload session of this request is unknown from now on. */
  z.strictObject({ kind: z.literal('forget-session') }),
  /** Both ways. */
  z.strictObject({ kind: z.literal('throttle'), bytesPerSecond: z.int().min(1) }),
  /** One stored byte is another one. */
  z.strictObject({ kind: z.literal('corrupt'), offset: bytes.default(0) }),
]);

const ruleSchema = z.strictObject({
  id: z.string().min(1).optional(),
  /** `*` stands for any characters; default: everything. The path is without the query. */
  host: z.string().optional(),
  method: z.string().optional(),
  path: z.string().optional(),
  /** Parameters that the query must have, with these values. */
  query: z.record(z.string(), z.string()).optional(),
  /** Which of the matching requests, from 1; default: each. */
  nth: z.union([z.int().min(1), z.array(z.int().min(1)).min(1)]).optional(),
  /** Of each that is otherwise due, drawn from the plan's seed; default 1. */
  probability: z.number().min(0).max(1).optional(),
  /** How often at most. */
  times: z.int().min(1).optional(),
  fault: faultSchema,
});

const planSchema = z.union([
  z.array(ruleSchema),
  z.strictObject({ seed: z.int().optional(), rules: z.array(ruleSchema) }),
  ruleSchema,
]);

export type Fault = z.infer<typeof faultSchema>;
export type FaultRule = z.input<typeof ruleSchema>;
export type FaultPlanInput = z.input<typeof planSchema>;

/** A rule as it stands. */
interface StandingRule {
  id: string;
  rule: z.infer<typeof ruleSchema>;
  /** Requests that matched so far, and how many of them it spoilt. */
  seen: number;
  fired: number;
}

interface FaultTarget {
  host: string;
  method: string;
  path: string;
  query: URLSearchParams;
}

export interface FaultPlan {
  /** Adds to what stands. @throws ZodError for anything that is no plan */
  add(plan: FaultPlanInput): StandingRule[];
  list(): StandingRule[];
  clear(): void;
  /** The faults due for a request, in the order of their rules. Counts it. */
  due(target: FaultTarget): { id: string; fault: Fault }[];
}

const globOf = (pattern: string): RegExp =>
  new RegExp(
    `^${pattern
      .split('*')
      .map((part) => part.replace(/[.+?^${}()|[\]\\]/g, '\\$&'))
      .join('.*')}$`,
  );

interface Armed extends StandingRule {
  matches(target: FaultTarget): boolean;
  random: () => number;
}

const matcherOf = ({ host = '*', method = '*', path = '*', query = {} }: z.infer<typeof ruleSchema>) => {
  const [hosts, methods, paths] = [globOf(host), globOf(method), globOf(path)];
  return (target: FaultTarget): boolean =>
    hosts.test(target.host) &&
    methods.test(target.method) &&
    paths.test(target.path) &&
    Object.entries(query).every(([name, value]) => target.query.get(name) === value);
};

const isDue = ({ rule, seen, fired, random }: Armed): boolean => {
  // Drawn for each match, so that one rule's limits do not move another draw.
  const drawn = random() < (rule.probability ?? 1);
  const nth = rule.nth === undefined || (Array.isArray(rule.nth) ? rule.nth : [rule.nth]).includes(seen);
  return drawn && nth && fired < (rule.times ?? Number.POSITIVE_INFINITY);
};

/** @param seed each rule draws from a stream of its own */
export function createFaultPlan(seed: number): FaultPlan {
  let rules: Armed[] = [];
  let named = 0;
  const standing = ({ id, rule, seen, fired }: Armed): StandingRule => ({ id, rule, seen, fired });
  return {
    add(input) {
      const plan = planSchema.parse(input);
      const given = Array.isArray(plan) ? plan : 'rules' in plan ? plan.rules : [plan];
      const planSeed = !Array.isArray(plan) && 'rules' in plan ? (plan.seed ?? seed) : seed;
      const added = given.map((rule): Armed => {
        named += 1;
        const random = seededRandom(planSeed * 7919 + named);
        return { id: rule.id ?? `fault-${named}`, rule, seen: 0, fired: 0, matches: matcherOf(rule), random };
      });
      rules.push(...added);
      return added.map(standing);
    },
    list: () => rules.map(standing),
    clear() {
      rules = [];
      named = 0;
    },
    due(target) {
      const due: { id: string; fault: Fault }[] = [];
      for (const armed of rules) {
        if (!armed.matches(target)) continue;
        armed.seen += 1;
        if (!isDue(armed)) continue;
        armed.fired += 1;
        due.push({ id: armed.id, fault: armed.rule.fault });
      }
      return due;
    },
  };
}
