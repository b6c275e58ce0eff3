import { type LocalGoogle, startLocalGoogle } from '../../../local/google/server.ts';
import type { Delivery, DeliveryOptions, Receipt } from '../../../src/domain.ts';
import type { Ledger } from '../../../src/ledger/ledger.ts';
import { createMemoryLedger } from '../../../src/ledger/memory.ts';
import { type SheetsApi, sheetsOf } from '../../local/sheets/sheets-api.ts';
import { type CourierStory, createCourierStory } from '../../support/courier/courier-story.ts';

export interface RowsWorld {
  google: LocalGoogle;
  ledger: Ledger;
  /** A person who edits the sheet. */
  person: SheetsApi;
  /** Another instance that shares the ledger. */
  instance(ledger?: Ledger): CourierStory;
  /** An instance that cannot record a receipt, as if its process died before. */
  instanceWithoutReceipts(): CourierStory;
  /** The values of a tab, row by row. */
  rowsOf(id: string, tab?: string): unknown[][];
  /** The files of a name that are not in the trash. */
  filesNamed(name: string): ReturnType<LocalGoogle['drive']['files']>;
  append(
    story: CourierStory,
    csv: string,
    options?: Partial<DeliveryOptions>,
    rest?: Partial<Delivery>,
  ): Promise<Receipt>;
  close(): Promise<void>;
}

export const sourceOf = (text: string, mimeType = 'text/csv'): Delivery['source'] => {
  const bytes = Buffer.from(text);
  return {
    size: bytes.length,
    mimeType,
    async *open() {
      for (let at = 0; at < bytes.length; at += 65_536) yield bytes.subarray(at, at + 65_536);
    },
  };
};

/** A local Google, and couriers below HTTP that append rows to it. */
export const startRowsWorld = async (): Promise<RowsWorld> => {
  const google = await startLocalGoogle();
  const { world } = google;
  const shared = createMemoryLedger({ now: Date.now });
  const stories: CourierStory[] = [];
  const destinations = {
    default: { folder: google.places.sharedDrive, credentials: 'main', callers: [world.emails.exporter] },
  };
  let requests = 0;
  const instance = (ledger: Ledger = shared): CourierStory => {
    const story = createCourierStory(google, { ledger, destinations });
    stories.push(story);
    return story;
  };
  return {
    google,
    ledger: shared,
    person: sheetsOf(google, world.emails.courier),
    instance,
    instanceWithoutReceipts: () =>
      instance({
        ...shared,
        async record(...args) {
          if (args[1].state === 'done') throw new Error('the process ends here');
          return shared.record(...args);
        },
      }),
    rowsOf: (id, tab) => google.sheets.rowsOf(id, tab),
    filesNamed: (name) => google.drive.files().filter((file) => file.name === name && !file.trashed),
    append(story, csv, options = {}, rest = {}) {
      requests += 1;
      return story.deliver({
        caller: { sub: '1', email: world.emails.exporter },
        options: { name: 'sales', convertTo: 'sheet', onConflict: 'append', ...options },
        source: sourceOf(csv),
        signal: new AbortController().signal,
        deadlineMs: Date.now() + 60_000,
        requestId: `r${requests}`,
        ...rest,
      });
    },
    async close() {
      for (const story of stories) story.close();
      await google.close();
    },
  };
};
