import { CHUNK, MULTIPART, type NamedSchedule, schedule } from './named-schedule.ts';

/**
 * What a person does while the last request of a delivery is on its way, so that a copy plans another file: the act, the file that
 * exists before, the delivery, and which of its requests is the last one.
 */
export const CHANGES_WHILE_SENT = [
  ['trash', 'hand', 'replace:small:plain', MULTIPART, 1],
  ['rename', 'hand', 'replace:small:plain', MULTIPART, 1],
  ['move', 'delivered', 'replace:small:plain', MULTIPART, 1],
  ['put', 'none', 'replace:small:plain', MULTIPART, 1],
  ['put', 'none', 'skip:small:plain', MULTIPART, 1],
  ['put', 'none', 'replace:large:push', CHUNK, 2],
  ['put', 'none', 'skip:large:push', CHUNK, 2],
  ['trash', 'delivered', 'replace:large:push', CHUNK, 2],
] as const;

/** The copy waits until the first try has ended. */
export const REVISED_PLANS: readonly NamedSchedule[] = CHANGES_WHILE_SENT.map(([act, base, kind, before, nth]) =>
  schedule(
    `a request is on its way, a person does ${act}, and a copy of the delivery comes: ${kind}`,
    `k1:A:${kind}:p1:1,k1:A:${kind}:p2:1;${act};${base};`,
    { actor: 'd1', before, nth, choice: '>3' },
    { actor: 'd1', before, nth, choice: '>2' },
  ),
);
