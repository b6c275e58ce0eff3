import { CHUNK, MULTIPART, type NamedSchedule, schedule } from './named-schedule.ts';

/**
 * The last request of a try is on its way when a person changes the file or its name, and a copy of the delivery plans
 * another file. The copy waits until that try has ended.
 */
export const REVISED_PLANS: readonly NamedSchedule[] = (
  [
    ['trash', 'hand', 'replace:small:plain', MULTIPART, 1],
    ['rename', 'hand', 'replace:small:plain', MULTIPART, 1],
    ['put', 'none', 'replace:small:plain', MULTIPART, 1],
    ['put', 'none', 'skip:small:plain', MULTIPART, 1],
    ['put', 'none', 'replace:large:push', CHUNK, 2],
    ['put', 'none', 'skip:large:push', CHUNK, 2],
    ['trash', 'delivered', 'replace:large:push', CHUNK, 2],
  ] as const
).map(([act, base, kind, before, nth]) =>
  schedule(
    `a request is on its way, a person does ${act}, and a copy of the delivery comes: ${kind}`,
    `k1:A:${kind}:p1:1,k1:A:${kind}:p2:1;${act};${base};`,
    { actor: 'd1', before, nth, choice: '>3' },
    { actor: 'd1', before, nth, choice: '>2' },
  ),
);
