import type { LocalGoogle } from '../../../local/google/server.ts';
import { readConfig } from '../../../src/config/config.ts';
import { createRuntimeIdentity } from '../../../src/credentials/runtime/runtime-identity.ts';
import { createDeliver } from '../../../src/deliver.ts';
import { createAllow } from '../../../src/delivery/checks/check-request.ts';
import { createDestinations } from '../../../src/destinations.ts';
import { createBufferBudget } from '../../../src/drive/upload/buffer-budget.ts';
import { createTransport } from '../../../src/google/create-transport.ts';
import type { Http } from '../../../src/google/http.ts';
import { createPolicy } from '../../../src/identity/policy.ts';
import type { Ledger } from '../../../src/ledger/ledger.ts';
import type { Sleep } from '../../../src/sleep.ts';
import { createCompleteUpload } from '../../../src/upload-sessions/complete.ts';
import { createOpenUpload } from '../../../src/upload-sessions/open.ts';
import { createKeptLog } from '../kept-log.ts';

/**
 * The courier below HTTP, against a local Google: for tests that need a ledger that outlives a configuration, or a
 * controlled clock.
 */
export interface CourierStory {
  deliver: ReturnType<typeof createDeliver>;
  openUpload: ReturnType<typeof createOpenUpload>;
  completeUpload: ReturnType<typeof createCompleteUpload>;
  close(): void;
}

export const createCourierStory = (
  google: LocalGoogle,
  {
    ledger,
    destinations,
    now = Date.now,
    wall = now,
    sleep,
    network = {},
  }: {
    ledger: Ledger;
    destinations: object;
    now?: () => number;
    /** Default: `now`. */
    wall?: () => number;
    sleep?: Sleep;
    /** How requests are sent to Google, and the pauses between two attempts. */
    network?: { http?: Http; sleep?: Sleep };
  },
): CourierStory => {
  const { world, origin } = google;
  const document = {
    audiences: ['https://courier.example'],
    destinations,
    credentials: { main: { file: world.keyFiles.courier } },
  };
  const config = readConfig({ COURIER_CONFIG: JSON.stringify(document), COURIER_GOOGLE_ORIGIN: origin });
  const log = createKeptLog();
  const transport = createTransport({ googleOrigin: origin, now, log, ...network });
  const runtime = createRuntimeIdentity({ transport, isPlatforms: false, now });
  const budget = createBufferBudget({ bytes: 16 * 1_048_576, maxWaiters: 10, now });
  const opened = createDestinations(config, { transport, runtime, budget, ledger, now, wall, log });
  const story = {
    allow: createAllow(opened, createPolicy(config)),
    ledger,
    now,
    wall,
    log,
    ...(sleep === undefined ? {} : { sleep }),
  };
  return {
    deliver: createDeliver(story),
    openUpload: createOpenUpload(story),
    completeUpload: createCompleteUpload(story),
    close: transport.close,
  };
};
