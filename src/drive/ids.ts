import type { CallContext, Drive } from './drive.ts';

/** `files.generateIds` answers up to 1,000 a call, so a file's id costs a thousandth of a call. */
const BATCH = 1_000;
/** Refilled in the background once so few are left, so that nobody waits. */
const LOW = 100;

/** A pool of ids to create files with; however many wait, one call is made. */
export const createIds = (
  generate: (count: number, context: CallContext) => Promise<string[]>,
): Pick<Drive, 'newId' | 'fetchIdsAhead'> => {
  let ids: string[] = [];
  let filling: Promise<void> | undefined;

  /** Counted for the one who asked first, but not ended with it: others wait for the same call. */
  const fill = ({ callStats }: CallContext): Promise<void> => {
    filling ??= generate(BATCH, callStats === undefined ? {} : { callStats })
      .then((more) => {
        ids = [...ids, ...more];
      })
      .finally(() => {
        filling = undefined;
      });
    return filling;
  };

  return {
    async newId(context) {
      for (;;) {
        const id = ids.pop();
        if (id === undefined) {
          await fill(context);
          continue;
        }
        // Whoever runs the pool dry meets the failure; the one who only tops it up does not.
        if (ids.length === LOW) fill(context).catch(() => undefined);
        return id;
      }
    },
    async fetchIdsAhead() {
      if (ids.length === 0) await fill({});
    },
  };
};
