import type { Plan } from '../../src/delivery/plan.ts';
import type { Receipt } from '../../src/domain.ts';
import type { CourierError } from '../../src/errors.ts';
import type { DeliverySpec } from './scenario.ts';
import type { Author, Change } from './schedules/history.ts';
import type { SheetChange } from './schedules/sheet-history.ts';

/** How an attempt ended for its sender. `gone`: no response, because the process died or the sender disconnected. */
export type Ending = { kind: 'receipt'; receipt: Receipt } | { kind: 'error'; error: CourierError } | { kind: 'gone' };

/** One attempt at a delivery. Step numbers count from the start of the schedule. */
export interface Attempt {
  actor: string;
  spec: DeliverySpec;
  /** The name of the entry, if it is an archive's. */
  entry: string | undefined;
  /** The actor's attempt, starting at 1. */
  number: number;
  startStep: number;
  endStep: number | undefined;
  ending: Ending | undefined;
  /** Of an upload session, once it is open. */
  uploadId: string | undefined;
  /** The outcomes in its audit lines. */
  audits: string[];
  /** The checksums of files and revisions in Drive's responses to it. */
  seen: { fileId: string; digest: string; step: number }[];
  /** The delivery already has a receipt, and is sent once more. */
  isReplay: boolean;
  /** It has written the receipt to the ledger. */
  hasRecorded: boolean;
}

export interface Violation {
  /** See the list in invariants/facts.ts. */
  invariant: string;
  what: string;
  step: number;
}

/** Rows of one delivery that one change has put into a tab. */
export interface RowsWrite {
  kind: 'append' | 'replace';
  spec: Pick<DeliverySpec, 'key' | 'bytes' | 'size' | 'rule'>;
  identity: string;
  fileId: string;
  sheetId: number;
  /** The index of the first one in the tab, from 0. */
  start: number;
  /** Their first cells. */
  names: readonly string[];
  /** Who has sent the change, which may have rows of others. */
  author: Author;
  step: number;
  /** See `Change`. */
  isUnanswered: boolean;
}

/** A receipt that a sender received. */
export interface Ack {
  attempt: Attempt;
  receipt: Receipt;
  step: number;
}

/** A delivery's plan as the ledger has it. */
interface PlannedDelivery {
  identity: string;
  plan: Plan;
  /** When the attempt began that has made the plan. */
  startStep: number;
}

export interface Monitor {
  attempts: Attempt[];
  changes: Change[];
  /** Changes of the content of spreadsheets. */
  sheetChanges: SheetChange[];
  rowsWrites: RowsWrite[];
  /** Rows that a limit of the courier allows to be written once more. */
  secondCopies: RowsWrite[];
  acks: Ack[];
  violations: Violation[];
  /** Receipts that were written to the ledger. */
  recorded: { identity: string; key: string | undefined; receipt: Receipt; step: number }[];
  /** Each plan that was written to the ledger for a key, in order. */
  planned: PlannedDelivery[];
}

export const createMonitor = (): Monitor => ({
  ...{
    attempts: [],
    changes: [],
    sheetChanges: [],
    rowsWrites: [],
    secondCopies: [],
    acks: [],
    violations: [],
    recorded: [],
    planned: [],
  },
});

/** Identifies a delivery: its key, or its sender if it has no key. */
export const identityOf = ({ actor, spec }: Pick<Attempt, 'actor' | 'spec'>): string => spec.key ?? `actor ${actor}`;

export const firstAck = ({ acks }: Monitor, identity: string): Ack | undefined =>
  acks.find(({ attempt }) => identityOf(attempt) === identity);
