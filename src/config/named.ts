import { z } from 'zod';

/** A mapping by names of one kind. A wrong name is told beside what is wrong under it, which a schema of keys would pass over. */
export const named = <Value extends z.ZodType>(value: Value, name: RegExp, fault: string) =>
  z.record(z.string(), value).superRefine(
    (all, context) => {
      for (const key of Object.keys(all)) {
        if (!name.test(key)) context.addIssue({ code: 'custom', path: [key], message: fault });
      }
    },
    { when: ({ value: all }) => typeof all === 'object' && all !== null },
  );
