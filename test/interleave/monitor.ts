import type { Receipt } from '../../src/delivery.ts';
import type { CourierError } from '../../src/errors.ts';
import type { Change } from './history.ts';
import type { DeliverySpec } from './scenario.ts';

/** How a try has ended, as its sender saw it. `gone`: the process died, or the sender left. */
export type Ending = { kind: 'receipt'; receipt: Receipt } | { kind: 'error'; error: CourierError } | { kind: 'gone' };

/** One try of a delivery, and what is known of it. Steps are counted from the schedule's beginning. */
export interface Attempt {
  actor: string;
  spec: DeliverySpec;
  /** From 1, of this actor. */
  number: number;
  startStep: number;
  endStep: number | undefined;
  ending: Ending | undefined;
  /** Outcomes of its audit lines. */
  audits: string[];
  /** Checksums of files and their revisions that Drive has told it. */
  seen: { fileId: string; digest: string; step: number }[];
  /** Sent again although it has a receipt. */
  isReplay: boolean;
}

export interface Violation {
  /** Of the list in invariants.ts. */
  invariant: string;
  what: string;
  step: number;
}

/** Who was answered with which receipt, for the first time. */
export interface Ack {
  attempt: Attempt;
  receipt: Receipt;
  step: number;
}

export interface Monitor {
  attempts: Attempt[];
  changes: Change[];
  acks: Ack[];
  violations: Violation[];
  /** Receipts that stand in the ledger: by key, and when the first was put there. */
  recorded: { key: string | undefined; receipt: Receipt; step: number }[];
}

export const createMonitor = (): Monitor => ({ attempts: [], changes: [], acks: [], violations: [], recorded: [] });

/** What tells deliveries apart: the key, or the sender where there is none. */
export const identityOf = ({ actor, spec }: Pick<Attempt, 'actor' | 'spec'>): string => spec.key ?? `actor ${actor}`;

export const firstAck = ({ acks }: Monitor, identity: string): Ack | undefined =>
  acks.find(({ attempt }) => identityOf(attempt) === identity);
