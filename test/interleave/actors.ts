/** One who acts by himself: a sender with its tries, or the person. */
export interface Actor {
  /** From 1, in the order of the scenario. */
  index: number;
  name: string;
  /** The Idempotency-Key of what it sends. */
  key: string | undefined;
  /** Acts only when nobody else does, unless the schedule says otherwise: the person. */
  isPassive: boolean;
  /** How many points it has come to. */
  ops: number;
  finished: boolean;
}

/** A process that may die: what it does afterwards does not happen. */
export interface Mortal {
  name: string;
  alive: boolean;
  died: Promise<void>;
  die(): void;
}

/** On whose account something happens. */
export interface Context {
  actor: Actor;
  process?: Mortal;
  /** Ends the caller's wait for this try. */
  leave?: () => void;
  /** Which of the actor's tries, from 1. */
  attempt?: number;
}

/** What came of a point's deed. */
export type Deed<Value> = { note: string } & ({ value: Value } | { error: unknown });

export interface Step {
  actor: string;
  /** Which of the actor's tries; 0 before the first. */
  attempt: number;
  label: string;
  fault: string | undefined;
  note: string;
  atMs: number;
}

/** A place in a run where something else could have been done. */
export interface Decision {
  /** `ACTOR.OP` */
  anchor: string;
  actor: string;
  /** What the actor is about to do. */
  label: string;
  /** `>K`: actor K goes on instead; `!FAULT`: this fault befalls the call. */
  alternatives: readonly string[];
}

/** Says what is done at a decision; undefined for what goes without saying: the same actor goes on, and all goes well. */
export type Decide = (decision: Decision) => string | undefined;
