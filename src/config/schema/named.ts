import { z } from 'zod';

/** A mapping whose keys have one form. An invalid key is reported together with the faults below it, which a key schema would skip. */
export const named = <Value extends z.ZodType>(value: Value, name: RegExp, fault: string) =>
  z.record(z.string(), value).superRefine(
    (all, context) => {
      for (const key of Object.keys(all)) {
        if (!name.test(key)) context.addIssue({ code: 'custom', path: [key], message: fault });
      }
    },
    { when: ({ value: all }) => typeof all === 'object' && all !== null },
  );
