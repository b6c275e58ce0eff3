import { expect, test } from '@jest/globals';
import { decide } from '../../../src/upload-sessions/outcome.ts';

const OUTCOMES = ['whole', 'other-bytes', 'trashed', 'moved', 'gone'] as const;

const giveUp = (over: string, undo = false) => ({ action: 'give-up', over, undo });

/** The outcome if the first attempt found the upload complete. */
const AFTER_WHOLE = {
  whole: { action: 'finish' },
  'other-bytes': { action: 'reject' },
  trashed: giveUp('trashed'),
  moved: giveUp('moved', true),
  gone: giveUp('gone'),
};

test.each(OUTCOMES)('complete for the first attempt, %s for this one', (seen) => {
  expect(decide(seen, 'whole')).toEqual(AFTER_WHOLE[seen]);
});

const OVER = OUTCOMES.filter((outcome) => outcome !== 'whole');
const UNDONE: readonly string[] = ['other-bytes', 'moved'];

test.each(OVER.flatMap((verdict) => OUTCOMES.map((seen) => [verdict, seen] as const)))(
  '%s for the first attempt, %s for this one: abandoned as the first one found it, and undone only by those that see the same',
  (verdict, seen) => {
    expect(decide(seen, verdict)).toEqual(giveUp(verdict, seen === verdict && UNDONE.includes(verdict)));
  },
);
