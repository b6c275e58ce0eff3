import { createUnanswered, type OnAnswer } from '../unanswered-requests.ts';

/** Rows whose mark a change creates. */
interface MarkedRows {
  /** Of the delivery. */
  key: string;
  batch: { index: number };
}

/** The changes that were sent under the lock of a spreadsheet, and may still be applied. */
export interface UnansweredChanges {
  /** For each change, when it is sent. @param written the rows whose marks it creates */
  onSend(written: readonly MarkedRows[]): OnAnswer;
  /** The spreadsheet has the mark of these rows. Google applies no change any more that would create it again. */
  marked(rows: MarkedRows): void;
  /** The spreadsheet was looked at. A change that a server error had answered before is over. */
  looked(): void;
  count(): number;
}

export const createUnansweredChanges = (): UnansweredChanges => {
  let changes: { written: readonly MarkedRows[]; requests: ReturnType<typeof createUnanswered> }[] = [];
  return {
    onSend(written) {
      const requests = createUnanswered();
      changes.push({ written, requests });
      return requests.onSend();
    },
    marked({ key, batch }) {
      changes = changes.filter(
        ({ written }) => !written.some((rows) => rows.key === key && rows.batch.index === batch.index),
      );
    },
    looked() {
      for (const { requests } of changes) requests.looked();
    },
    count: () => changes.reduce((sum, { requests }) => sum + requests.count(), 0),
  };
};
