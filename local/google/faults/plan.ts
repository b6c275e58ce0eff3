import { z } from 'zod';
import { seededRandom } from '../random.ts';

const bytes = z.int().min(0);

/** The kinds of faults. */
const faultSchema = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('status'),
    status: z.int().min(400).max(599),
    /** Drive's `reason`, e.g. `rateLimitExceeded`. */
    reason: z.string().optional(),
    message: z.string().optional(),
    retryAfterSeconds: z.int().min(0).optional(),
    /** The body to send instead of Google's JSON error. */
    body: z.string().optional(),
  }),
  z.strictObject({ kind: z.literal('delay'), ms: z.int().min(0).max(600_000) }),
  /**
   * Breaks the connection before the body is read, after `afterBytes` of it, or after all of it. The request has no
   * effect, except for bytes that the service stores as they arrive.
   */
  z.strictObject({
    kind: z.literal('reset'),
    when: z.enum(['before', 'during', 'after']),
    afterBytes: bytes.default(0),
  }),
  /** Carries out the request, and breaks the connection instead of sending the answer. */
  z.strictObject({ kind: z.literal('answer-lost') }),
  /** Breaks the connection after this many bytes of the answer's body. */
  z.strictObject({ kind: z.literal('answer-cut'), afterBytes: bytes }),
  /** Stores only the first bytes of an upload chunk. */
  z.strictObject({ kind: z.literal('partial'), storeAtMostBytes: bytes }),
  /** Makes the upload session of this request unknown from now on. */
  z.strictObject({ kind: z.literal('forget-session') }),
  /** Limits the rate in both directions. */
  z.strictObject({ kind: z.literal('throttle'), bytesPerSecond: z.int().min(1) }),
  /** Changes one stored byte. */
  z.strictObject({ kind: z.literal('corrupt'), offset: bytes.default(0) }),
]);

const ruleSchema = z.strictObject({
  id: z.string().min(1).optional(),
  /** `*` stands for any characters. Default: everything. The path excludes the query. */
  host: z.string().optional(),
  method: z.string().optional(),
  path: z.string().optional(),
  /** Parameters that the query must have, with these values. */
  query: z.record(z.string(), z.string()).optional(),
  /** Which of the matching requests, counted from 1. Default: all of them. */
  nth: z.union([z.int().min(1), z.array(z.int().min(1)).min(1)]).optional(),
  /** The probability of each fault that is otherwise due, drawn with the plan's seed. Default: 1. */
  probability: z.number().min(0).max(1).optional(),
  /** The maximum number of faults. */
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

/** A rule with its counters. */
interface ActiveRule {
  id: string;
  rule: z.infer<typeof ruleSchema>;
  /** How many requests matched so far, and how many of them got the fault. */
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
  /** Adds rules to the current ones. @throws ZodError for an invalid plan */
  add(plan: FaultPlanInput): ActiveRule[];
  list(): ActiveRule[];
  clear(): void;
  /** The faults that are due for a request, in the order of their rules. The request is counted. */
  due(target: FaultTarget): { id: string; fault: Fault }[];
}

const globOf = (pattern: string): RegExp =>
  new RegExp(
    `^${pattern
      .split('*')
      .map((part) => part.replace(/[.+?^${}()|[\]\\]/g, '\\$&'))
      .join('.*')}$`,
  );

interface Armed extends ActiveRule {
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
  // Draw for each match, so that the limits of one rule do not change the draws of another.
  const drawn = random() < (rule.probability ?? 1);
  const nth = rule.nth === undefined || (Array.isArray(rule.nth) ? rule.nth : [rule.nth]).includes(seen);
  return drawn && nth && fired < (rule.times ?? Number.POSITIVE_INFINITY);
};

/** @param seed each rule has its own random numbers, derived from this seed */
export function createFaultPlan(seed: number): FaultPlan {
  let rules: Armed[] = [];
  let named = 0;
  const activeOf = ({ id, rule, seen, fired }: Armed): ActiveRule => ({ id, rule, seen, fired });
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
      return added.map(activeOf);
    },
    list: () => rules.map(activeOf),
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
