import type { Decide } from './actors/actors.ts';
import { parseScenario, type Scenario } from './scenario.ts';

/** A file in one request, and a part of one in an upload session. */
export const MULTIPART = /^(POST|PATCH) files\S* \(multipart\)/;
export const CHUNK = /^PUT session/;
export const SESSION_START = /^(POST|PATCH) files\S* \(resumable\)/;
export const SEARCH = /^GET files \[/;
export const RECORDS = /^ledger\.record delivery\S* done/;

/** A choice at an actor's `nth` call (starting at 1) with a matching label. */
export interface Line {
  actor: string;
  before: RegExp;
  nth?: number;
  /** `>K`: run actor K instead; `!FAULT`: inject this fault into the call. */
  choice: string;
}

/** Fails each attempt to record the receipt. */
export const UNRECORDED: readonly Line[] = [1, 2, 3].map((nth) => ({
  ...{ actor: 'd1', before: RECORDS, nth, choice: '!fail' },
}));

/** A schedule that violated an invariant before a fix. Calls are matched by label rather than by number, so that the schedule still applies when calls are added. */
export interface NamedSchedule {
  name: string;
  scenario: Scenario;
  lines: readonly Line[];
}

/** @param scenario as text, see `scenarioText` */
export const schedule = (name: string, scenario: string, ...lines: Line[]): NamedSchedule => ({
  name,
  scenario: parseScenario(scenario),
  lines,
});

/** Applies each line once. */
export const followLines = ({ lines }: NamedSchedule): Decide => {
  const waiting = lines.map((line) => ({ ...line, left: line.nth ?? 1 }));
  const met = new Set<string>();
  return ({ anchor, actor, label }) => {
    const fitting = waiting.filter((line) => line.actor === actor && line.before.test(label));
    // A call that was postponed is offered again, but counts once.
    if (!met.has(anchor)) for (const line of fitting) line.left -= 1;
    met.add(anchor);
    const due = fitting.find(({ left }) => left === 0);
    if (due !== undefined) due.left = -1;
    return due?.choice;
  };
};
