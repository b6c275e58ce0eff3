import type { CallContext, Drive } from './drive.ts';

/** `files.generateIds` answers up to 1,000 a call, so a file's id costs a thousandth of a call. */
const BATCH = 1_000;
/** When so few ids are left, the pool is refilled in the background, so that no delivery waits. */
const LOW = 100;

/** A pool of ids to create files with. However many deliveries wait, one call refills it. */
export const createIds = (
  generate: (count: number, context: CallContext) => Promise<string[]>,
): Pick<Drive, 'newId' | 'fetchIdsAhead'> => {
  let ids: string[] = [];
  let filling: Promise<void> | undefined;

  /** The call counts for the delivery that asked first, but does not end with it: others wait for the same call. */
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
        // A failure matters only to callers that find the pool empty, not to the one that refills it early.
        if (ids.length === LOW) fill(context).catch(() => undefined);
        return id;
      }
    },
    async fetchIdsAhead() {
      if (ids.length === 0) await fill({});
    },
  };
};
