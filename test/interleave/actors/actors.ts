/** Something that acts independently of the others: a sender, or the person. */
export interface Actor {
  /** Starts at 1, in the order of the scenario. */
  index: number;
  name: string;
  /** The Idempotency-Key of its delivery. */
  key: string | undefined;
  /** True for the person: it acts last, unless the schedule moves its acts forward. */
  isPassive: boolean;
  /** The number of scheduling points it has reached. */
  ops: number;
  finished: boolean;
}

/** A simulated courier process. After it has died, nothing that it does has an effect. */
export interface VirtualProcess {
  name: string;
  alive: boolean;
  /** The process is paused: its timers do not fire, and answers to its calls wait. */
  isFrozen: boolean;
  died: Promise<void>;
  die(): void;
}

/** Who is running the current code. */
export interface Context {
  actor: Actor;
  process?: VirtualProcess;
  /** Disconnects the caller of this attempt. */
  leave?: () => void;
  /** The actor's attempt, starting at 1. */
  attempt?: number;
}

/** The result of a scheduling point: a line for the report, and what the waiting code gets. */
export type PointResult<Value> = { note: string } & ({ value: Value } | { error: unknown });

/** A call at which the schedule can choose. */
export interface Point {
  context: Context;
  op: number;
  label: string;
  faults: readonly string[];
  sinceMs: number;
  /** Virtual time never advances past this age of a pending call, in milliseconds. */
  maxLatencyMs: number;
  /** The call takes as long as possible: all other actors run first. */
  isSlow: boolean;
  /** The request may take effect although its sender has aborted it. */
  canBeLate: boolean;
  /** Its sender has aborted it, and it takes effect nevertheless. */
  isLate?: boolean;
  /** It is late, and its sender has continued as after a request without an answer. */
  isUnanswered?: boolean | undefined;
  /** Who has sent it, if it is late. */
  author?: Context;
  /** When it was sent, if it is late. */
  sentAtMs?: number;
  /** Removes its listener: an `AbortSignal.any` that has one is never garbage-collected. */
  forget(): void;
  /** Makes the call; `passAnswer` passes its result to the code that waits for it. */
  act(fault: string | undefined): Promise<{ note: string; passAnswer: () => void }>;
}

export interface Step {
  actor: string;
  /** The actor's attempt; 0 before the first. */
  attempt: number;
  label: string;
  fault: string | undefined;
  /** Nobody waits for the call any more. */
  isLate: boolean;
  note: string;
  atMs: number;
}

/** A point of a run at which the schedule can choose. */
export interface Decision {
  /** `ACTOR.OP` */
  anchor: string;
  actor: string;
  /** The call that the actor is about to make. */
  label: string;
  /** `>K`: run actor K instead; `!FAULT`: inject this fault into the call. */
  alternatives: readonly string[];
}

/** Chooses an alternative; undefined for the default, in which the current actor continues and its call succeeds. */
export type Decide = (decision: Decision) => string | undefined;
